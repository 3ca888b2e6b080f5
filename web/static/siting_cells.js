/* The whole-city search: asked with the form's proposal, drawn cell by cell on a canvas, told as a list. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const { el, ask, number } = RiskMap.dom;
  const { t, outcome, ruleName, figure } = RiskMap.rows;
  const SHOWN = 20;
  const APART_M = 1000; // of places nearer to each other the list has the best alone
  const BESIDE = 1.5; // pixels of a part that its neighbours cover: no seams between the parts of the mesh

  /* The picture as one pixel for each cell, the south row last. */
  function painted({ columns, rows, verdicts, runs }, colours) {
    const values = new Int32Array(columns * rows);
    for (let r = 0, n = 0; r < runs.length; r += 2) {
      values.fill(runs[r], n, n + runs[r + 1]);
      n += runs[r + 1];
    }
    const canvas = el("canvas", { width: columns, height: rows });
    const image = canvas.getContext("2d").createImageData(columns, rows);
    for (let n = 0; n < values.length; n += 1) {
      if (values[n] < 0) continue;
      const place = ((rows - 1 - Math.floor(n / columns)) * columns + (n % columns)) * 4;
      image.data.set(colours[values[n] % verdicts.length], place);
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return { canvas, values };
  }

  const rgba = (word) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(`--o-${word}`).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255);
  };

  /* Cells lie on the map as their mesh says: each part of it is drawn by its own three corners. */
  const Cells = L.Layer.extend({
    initialize(picture) {
      this.picture = picture;
      Object.assign(this, painted(picture, picture.verdicts.map(rgba)));
    },
    onAdd(map) {
      this.map = map;
      this.box = el("canvas", { class: "cells-layer" });
      map.getPanes().overlayPane.prepend(this.box);
      map.on("moveend zoomend resize viewreset", this.draw, this);
      this.draw();
    },
    onRemove(map) {
      map.off("moveend zoomend resize viewreset", this.draw, this);
      this.box.remove();
    },
    /* The parts of the mesh: first and last column and row, with their corners. */
    * parts() {
      const { columns, rows, lonlat } = this.picture.mesh;
      const at = (c, r) => { const [lon, lat] = lonlat[r * columns.length + c]; return this.map.latLngToContainerPoint([lat, lon]); };
      for (let r = 0; r + 1 < rows.length; r += 1) {
        for (let c = 0; c + 1 < columns.length; c += 1) {
          const [origin, east, north] = [at(c, r), at(c + 1, r), at(c, r + 1)];
          yield { c0: columns[c], c1: columns[c + 1], r0: rows[r], r1: rows[r + 1], origin,
            right: east.subtract(origin), up: north.subtract(origin) };
        }
      }
    },
    draw() {
      const size = this.map.getSize();
      Object.assign(this.box, { width: size.x, height: size.y });
      L.DomUtil.setPosition(this.box, this.map.containerPointToLayerPoint([0, 0]));
      const context = this.box.getContext("2d");
      context.imageSmoothingEnabled = false;
      for (const { c0, c1, r0, r1, origin, right, up } of this.parts()) {
        const [wide, high] = [c1 - c0, r1 - r0];
        const [x, y] = [origin.add(up), right.divideBy(wide)];
        context.setTransform(y.x, y.y, -up.x / high, -up.y / high, x.x, x.y);
        const over = BESIDE / Math.max(Math.abs(y.x), 0.01);
        context.drawImage(this.canvas, c0, this.picture.rows - r1, wide, high, 0, 0, wide + over, high + over);
      }
    },
    /* The value of the cell under a position; null outside the city. */
    under(latlng) {
      const point = this.map.latLngToContainerPoint(latlng);
      for (const { c0, c1, r0, r1, origin, right, up } of this.parts()) {
        const area = right.x * up.y - right.y * up.x;
        const from = point.subtract(origin);
        const [u, v] = [(from.x * up.y - from.y * up.x) / area, (right.x * from.y - right.y * from.x) / area];
        if (u < 0 || u >= 1 || v < 0 || v >= 1) continue;
        const value = this.values[(r0 + Math.floor(v * (r1 - r0))) * this.picture.columns + c0 + Math.floor(u * (c1 - c0))];
        return value < 0 ? null : value;
      }
      return null;
    },
  });

  RiskMap.cells = (map, { verdicts, proposed }) => {
    const byId = (id) => document.getElementById(id);
    const [run, stop, forget, progress, found] = ["run", "stop", "forget", "progress", "found"].map(byId);
    const lang = document.documentElement.lang.slice(0, 2);
    let asked = null;
    let layer = null;
    let answer = null;

    const named = (rule) => (rule ? ruleName(answer.rules_told[rule] || { rule, clause: "", object_zh: "" }) : "—");
    const degrees = (one) => `${one.lon.toFixed(5)}, ${one.lat.toFixed(5)}`;
    const called = (one) => (one.place ? `${one.place.text} (${degrees(one)})` : degrees(one));
    const go = (one) => () => { RiskMap.goTo(one.lon, one.lat); document.querySelector(".siting-map").scrollIntoView({ block: "nearest" }); };

    async function search() {
      clear();
      const own = asked = new AbortController();
      const started = Date.now();
      const say = () => { progress.lastElementChild.textContent = t("running", { s: Math.floor((Date.now() - started) / 1000) }); };
      const clock = setInterval(say, 500);
      say();
      working(true);
      let problem = null;
      try {
        answer = await ask(`/api/v1/siting/search?picture=true&most=${SHOWN}&apart_m=${APART_M}&lang=${lang}`, own.signal,
          { ...proposed(), cell_m: Number(byId("cell").value) });
      } catch (error) {
        problem = error.name === "AbortError" ? null : error;
      }
      clearInterval(clock);
      if (own !== asked) return;
      asked = null;
      working(false);
      RiskMap.problem(byId("cells-problem"), problem);
      if (answer) show();
    }

    function working(is) {
      progress.hidden = stop.hidden = !is;
      run.disabled = is;
    }

    function clear() {
      asked?.abort();
      asked = null;
      layer?.remove();
      layer = answer = null;
      found.replaceChildren();
      forget.hidden = byId("cells-legend").hidden = true;
      RiskMap.problem(byId("cells-problem"), null);
      working(false);
    }

    function show() {
      layer = new Cells(answer.picture).addTo(map);
      map.fitBounds(answer.picture.mesh.lonlat.map(([lon, lat]) => [lat, lon]), { animate: false });
      forget.hidden = byId("cells-legend").hidden = false;
      byId("cells-other").hidden = !answer.everywhere.length;
      const best = answer.admissible.length ? answer.admissible : answer.study_required;
      found.replaceChildren(...[
        el("p", { class: "note" }, t("searched", { cells: number(answer.cells), s: number(answer.duration_s, 1) })),
        el("p", { class: "counts" }, [...verdicts].map((word) => el("span", {}, outcome(word), ` ${number(answer.ranked_counts[word])}`))),
        answer.everywhere.length ? el("div", { class: "none" }, el("p", {}, t("everywhere")), answer.everywhere.map((rule) => el("p", {}, el("b", {}, named(rule)),
          answer.rules_told[rule]?.basis ? ` · ${answer.rules_told[rule].basis}` : ""))) : null,
        answer.least ? least() : null,
        el("div", { class: "pair" }, best.length ? listed(best) : null, refused()),
      ].filter(Boolean));
    }

    /* Where nothing may stand: the least that would have to change. */
    function least() {
      const { rule, lacking_m, turns } = answer.least;
      return el("div", { class: "none" }, el("p", {}, el("b", {}, t("none"))),
        el("p", {}, t("none_least", { place: called(answer.least) }), " · ", t("none_rule", { rule: named(rule) })),
        el("p", {}, lacking_m > 0 ? [t("none_lacking", { m: figure(lacking_m) }), " "] : null, t("none_turns", { turns })),
        el("p", {}, el("button", { type: "button", class: "plain", onclick: go(answer.least) }, t("look"))));
    }

    function listed(best) {
      const people = ({ criteria }) => (criteria.people_500m === null ? "—" : number(criteria.people_500m));
      const row = (one) => el("tr", { "data-go": true, tabindex: 0, onclick: go(one), onkeydown: (event) => { if (event.key === "Enter") go(one)(); } },
        el("td", { "data-label": t("rank") }, el("span", {}, el("b", {}, String(one.rank)), ` ${one.place ? one.place.text : degrees(one)}`,
          one.place ? el("span", { class: "code" }, degrees(one)) : null, one.rules ? el("span", { class: "code" }, named(one.rules[0])) : null)),
        el("td", { "data-label": t("near_people"), class: "n" }, people(one)),
        el("td", { "data-label": t("spare"), class: "n" }, one.criteria.spare_m === null ? "—" : number(one.criteria.spare_m)));
      return el("div", {}, el("h2", {}, t(answer.everywhere.length ? "best_other" : "best"), " ", outcome(answer.admissible.length ? "admissible" : "study_required")),
        el("p", { class: "note" }, t("ranked_by", { km: APART_M / 1000 })),
        el("table", { class: "rows" }, el("thead", {}, el("tr", {}, ["rank", "near_people", "spare"].map((key) => el("th", {}, t(key))))),
          el("tbody", {}, best.map(row))));
    }

    function refused() {
      const rules = Object.entries(answer.refused);
      if (!rules.length) return null;
      return el("div", {}, el("h2", {}, t("refused")), el("table", { class: "rows" },
        el("thead", {}, el("tr", {}, el("th", {}, t("compare_rule")), el("th", {}, t("cells")))),
        el("tbody", {}, rules.map(([rule, cells]) => el("tr", {}, el("td", { "data-label": t("compare_rule") }, named(rule)),
          el("td", { "data-label": t("cells"), class: "n" }, number(cells)))))));
    }

    /* A click on the picture names what binds the cell; the click goes on to the map. */
    function clicked(latlng) {
      const value = layer?.under(latlng) ?? null;
      if (value === null) return;
      const rule = answer.picture.rules[Math.floor(value / verdicts.length)];
      const word = verdicts[value % verdicts.length];
      L.popup({ maxWidth: 280, autoPan: false }).setLatLng(latlng).setContent(el("div", { class: "cell-told" }, outcome(word),
        el("p", {}, rule ? t("cell_binding", { rule: named(rule) }) : t("cell_open")),
        answer.everywhere.map((one) => el("p", {}, `${t("cell_whole")}：${named(one)}`)))).openOn(map);
    }

    run.addEventListener("click", search);
    stop.addEventListener("click", clear);
    forget.addEventListener("click", clear);
    return { clicked };
  };
})();
