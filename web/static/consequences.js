/* How far an accident at a source reaches: a list in the panel, and rings on the map for those who ask for them. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const INK = "#5a1e6b"; // no colour of a level: a ring is a distance and no risk
  const M_PER_DEGREE = 111320; // of latitude
  const NAMED = { permanent: true, direction: "top", className: "ring-name" };
  let of = null; // the source whose rings are drawn
  let drawn = new Map(); // name of the distance: its shapes on the map

  const metres = (value) => `${RiskMap.dom.number(value)} m`;

  function said(one) {
    if (one.distance_m !== null) return metres(one.distance_m);
    return one.at_least_m !== null ? RiskMap.t("consequence.at_least", { distance: metres(one.at_least_m) })
      : RiskMap.t("consequence.none");
  }

  function circle(record, radius, text, weight) {
    const ring = L.circle([record.lat, record.lon], { radius, interactive: false, color: INK, weight, fill: false,
      dashArray: "6 4" });
    const top = [record.lat + radius / M_PER_DEGREE, record.lon]; // each ring is named on its own edge
    return [ring, L.tooltip(top, { ...NAMED, content: text })];
  }

  /* Zones of a study as they were drawn there; else a circle for the distance, and thinner ones for its thresholds. */
  function shapes(one, record) {
    if (one.zones.length) {
      return one.zones.map((zone) => L.geoJSON(zone, { interactive: false, style: { color: INK, weight: 2.5, fill: false } })
        .bindTooltip(one.label, NAMED));
    }
    const far = one.distance_m ?? one.at_least_m;
    const further = one.rings.filter((ring) => ring.distance_m !== far).flatMap((ring) => circle(record,
      ring.distance_m, `${RiskMap.dom.number(ring.threshold, 1)} ${ring.unit} ${metres(ring.distance_m)}`, 1.2));
    return [...circle(record, far, `${one.label} ${said(one)}`, 2.5), ...further];
  }

  function erase(name) {
    drawn.get(name)?.remove();
    drawn.delete(name);
  }

  function clear() {
    [...drawn.keys()].forEach(erase);
    of = null;
  }

  function draw(one, record) {
    erase(one.name);
    const group = L.layerGroup(shapes(one, record)).addTo(RiskMap.map.leaflet);
    drawn.set(one.name, group);
    return group;
  }

  const boundsOf = (group) => group.getLayers().filter((layer) => layer.getBounds)
    .reduce((all, layer) => all.extend(layer.getBounds()), L.latLngBounds([]));

  function toggle(one, record) {
    const { t } = RiskMap;
    const label = (on) => t(on ? "consequence.erase" : "consequence.draw");
    const button = RiskMap.dom.el("button", { type: "button", class: "link draw", "data-ring": one.name,
      "aria-pressed": String(drawn.has(one.name)) }, label(drawn.has(one.name)));
    button.addEventListener("click", () => {
      if (drawn.has(one.name)) erase(one.name);
      else RiskMap.panel.bringIntoView(boundsOf(draw(one, record)));
      button.setAttribute("aria-pressed", String(drawn.has(one.name)));
      button.textContent = label(drawn.has(one.name));
    });
    return button;
  }

  function row(one, record) {
    const { el, number } = RiskMap.dom;
    const { t } = RiskMap;
    const can = one.zones.length > 0 || (one.screening && (one.distance_m ?? one.at_least_m) !== null);
    const lines = [one.substance && `${one.substance} ${number(one.quantity_t, 2)} t`,
      [one.method, one.reference].filter(Boolean).join(" · "),
      one.validity && `${t("consequence.validity")}${one.validity}`, ...one.notes];
    return el("li", { class: "line reach" },
      el("div", { class: "line-top" }, el("b", {}, one.label, " ",
        el("span", { class: "mark" }, t(one.screening ? "consequence.screening" : "consequence.study"))),
        el("span", { class: "line-value" }, said(one))),
      one.why ? el("p", { class: "outside" }, one.why) : null,
      lines.filter(Boolean).map((text) => el("p", { class: "line-reason" }, text)),
      can && typeof record.lon === "number" ? toggle(one, record) : null);
  }

  /* The list for the panel; rings drawn before stay while the same source is read anew. */
  function section(list, record) {
    const { el } = RiskMap.dom;
    if (of !== record.code) clear();
    if (!list.length) return null;
    of = record.code;
    for (const name of [...drawn.keys()]) {
      const one = list.find((item) => item.name === name);
      if (one) draw(one, record);
      else erase(name);
    }
    return el("section", { class: "reaches" }, el("h3", {}, RiskMap.t("consequence.title")),
      el("p", { class: "small" }, `${RiskMap.t("consequence.about")}。${RiskMap.t("consequence.centre")}`),
      el("ol", {}, list.map((one) => row(one, record))));
  }

  RiskMap.consequences = { section, clear };
})();
