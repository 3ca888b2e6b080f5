/* The panel beside the map (a sheet from below on a phone): what lies under a click, and one record with its account. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const PLURALS = { source: "sources", enterprise: "enterprises", target: "targets", township: "townships",
    village: "villages", grid: "grids", city: "cities", overlay: "overlays", zone: "zones" };
  const RECORDS = new Set(["source", "enterprise", "target", "resource"]);
  const GRADED = new Set(["source", "enterprise", "township", "village", "grid", "city", "overlay", "zone"]);
  const CLOSE_ZOOM = 16;
  const NEAR_M = 10000;
  let config;
  let panel;
  let body;
  let asked;
  let open = null; // the record shown: {kind, code, at}
  let list = null; // the click's answer behind it
  let marks = [];

  const newQuestion = () => {
    asked?.abort();
    asked = new AbortController();
    return asked.signal;
  };

  function reveal(content, scrolled = 0) {
    panel.hidden = false;
    document.body.classList.add("panel-open");
    body.replaceChildren(...content.filter(Boolean));
    body.scrollTop = scrolled;
  }

  function close() {
    asked?.abort();
    panel.hidden = true;
    document.body.classList.remove("panel-open");
    open = list = null;
    unmark();
    RiskMap.consequences.clear();
  }

  function unmark() {
    marks.forEach((mark) => mark.remove());
    marks = [];
  }

  /* The map moved out so far that some bounds are seen whole beside the panel; it stays where they are. */
  function bringIntoView(bounds) {
    const { right, bottom } = padding();
    const map = RiskMap.map.leaflet;
    const room = { paddingTopLeft: [24, 84], paddingBottomRight: [right + 24, bottom + 24] };
    if (map.getBoundsZoom(bounds, false, L.point(right + 48, bottom + 108)) < map.getZoom()) {
      map.fitBounds(bounds, { ...room, animate: false });
    } else map.panInside(bounds.getCenter(), room);
  }

  /* Room that the panel takes from the map: at the right, on a phone below. */
  function padding() {
    const phone = window.matchMedia(RiskMap.legend.PHONE).matches;
    panel.hidden = false;
    return phone ? { right: 0, bottom: panel.offsetHeight } : { right: panel.offsetWidth, bottom: 0 };
  }

  function goTo(at) {
    const map = RiskMap.map.leaflet;
    const { right, bottom } = padding();
    const zoom = Math.max(map.getZoom(), CLOSE_ZOOM);
    const middle = map.project([at.lat, at.lon], zoom).add([right / 2, bottom / 2]);
    map.setView(map.unproject(middle, zoom), zoom, { animate: false });
  }

  function markRecord(kind, record, fly) {
    const map = RiskMap.map.leaflet;
    unmark();
    const shape = record.geometry && record.geometry.type !== "Point" ? L.geoJSON(record.geometry, {
      interactive: false, style: { color: "#111827", weight: 2.5, fill: false, dashArray: "1 0" } }) : null;
    if (shape) marks.push(shape.addTo(map));
    const isArea = !RECORDS.has(kind);
    if (typeof record.lon === "number" && !isArea) {
      const icon = L.divIcon({ className: "map-mark", iconSize: [44, 44] });
      marks.push(L.marker([record.lat, record.lon], { icon, interactive: false, keyboard: false }).addTo(map));
    }
    if (!fly) return;
    const { right, bottom } = padding();
    if (shape && isArea) {
      map.fitBounds(shape.getBounds(), { paddingTopLeft: [24, 70], paddingBottomRight: [right + 24, bottom + 40],
        animate: false });
    } else if (typeof record.lon === "number") goTo(record);
  }

  function hitRow(hit) {
    const { el, levelPill } = RiskMap.dom;
    const { scale } = RiskMap.map.state;
    const level = ((RiskMap.past.active() && !hit.layer && RiskMap.past.itemOf(hit)) || hit)[`${scale}_level`];
    const kind = hit.layer || hit.kind;
    const what = hit.layer === "source" ? RiskMap.word("source_kind", hit.kind)
      : hit.layer === "target" ? RiskMap.word("target_class", hit.kind)
      : hit.layer === "resource" ? RiskMap.word("resource_kind", hit.kind)
      : hit.layer || hit.kind === "zone" ? RiskMap.t(`layer.${kind}`) : RiskMap.word("area_level", hit.kind);
    return el("li", {}, el("button", { type: "button", class: "hit",
        onclick: () => show(kind, hit.code, { at: hit }) },
      el("span", { class: `found-mark level-${level || "none"} of-${hit.layer || "area"}`, "aria-hidden": "true" }),
      el("span", { class: "found-text" }, el("b", {}, hit.name), el("small", {}, what)),
      hit.layer === "target" || hit.layer === "resource" ? null : levelPill(level, scale, { named: false })));
  }

  function listed(found) {
    const { el } = RiskMap.dom;
    const { t, map } = RiskMap;
    const filtered = map.state.levels.size < 5;
    const total = filtered ? found.hits.length : found.total;
    const title = t("map.here", { n: total });
    const rest = total > found.hits.length ? t("map.here_more", { n: found.hits.length }) : null;
    const closer = () => {
      map.leaflet.setView([found.lat, found.lon], Math.min(18, map.leaflet.getZoom() + 2));
      close();
    };
    return [el("h2", { class: "panel-name" }, title),
      map.leaflet.getZoom() < CLOSE_ZOOM ? el("button", { type: "button", class: "wide", onclick: closer },
        t("map.zoom_here")) : null,
      rest ? el("p", { class: "small" }, rest) : null,
      el("p", { class: "column" }, t(`scale.${map.state.scale}`)), el("ul", { class: "hits" }, [...found.hits, ...zonesShown(found)].map(hitRow)),
      el("h3", {}, t("map.areas_here")),
      el("p", { class: "column" }, t(`scale.${map.state.scale}`)), el("ul", { class: "hits" }, found.areas.map(hitRow))];
  }

  /* The joint-control zones under a click, where the map shows them. */
  const zonesShown = (found) => (RiskMap.map.state.on.has("zone") && !RiskMap.past.active() ? found.zones : []);

  async function identify({ lng, lat }, zoom) {
    const { map, dom, t } = RiskMap;
    const wanted = map.records.filter((layer) => map.state.on.has(layer) && RiskMap.past.drawn(layer)).join(",");
    const signal = newQuestion();
    try {
      const { scale } = map.state;
      const found = await dom.ask(
        `/identify?lon=${lng.toFixed(6)}&lat=${lat.toFixed(6)}&z=${zoom}&layers=${wanted}&map=${scale}&${RiskMap.themes.query()}`,
        signal);
      found.hits = found.hits.filter((hit) => hit.layer === "target" || hit.layer === "resource"
        || map.state.levels.has(dom.LEVELS[hit[`${scale}_level`]] || 0));
      const area = found.areas.find((one) => one.kind === RiskMap.legend.areaLevel(config, zoom))
        || found.areas.find((one) => one.kind !== "overlay");
      list = found.hits.length > 1 ? found : null;
      const { right, bottom } = padding();
      map.leaflet.panInside([lat, lng], { paddingTopLeft: [40, 70], paddingBottomRight: [right + 40, bottom + 40] });
      if (list) {
        open = null;
        unmark();
        reveal(listed(list));
      } else if (found.hits.length === 1) await show(found.hits[0].layer, found.hits[0].code, { at: found.hits[0] });
      else if (zonesShown(found).length) await show("zone", zonesShown(found)[0].code, { at: zonesShown(found)[0] });
      else if (area && map.state.on.has("area")) await show(area.kind, area.code, { at: area });
      else reveal([dom.el("p", { class: "quiet" }, t("map.nothing"))]);
    } catch (error) {
      failed(error, () => identify({ lng, lat }, zoom));
    }
  }

  function failed(error, again) {
    if (error.name === "AbortError") return;
    const { el } = RiskMap.dom;
    if (error.offline || error.status === 503) RiskMap.live.lost(error.offline);
    reveal([el("p", { class: "quiet" }, RiskMap.t("map.failed", { detail: error.message })),
      el("button", { type: "button", class: "wide", onclick: again }, RiskMap.t("map.retry"))]);
  }

  async function townshipName(code, signal) {
    if (!code) return null;
    const found = await RiskMap.dom.ask(`/api/v1/townships/${encodeURIComponent(code)}`, signal);
    return found.name;
  }

  /* The account and how far accidents reach, or what is said instead where the reader may see the level only. */
  async function explained(kind, record, signal) {
    const { el, ask } = RiskMap.dom;
    const { t, word } = RiskMap;
    if (!GRADED.has(kind)) return [];
    if (record.score === null || record.score === undefined) {
      return [el("p", { class: "quiet" },
        record.level ? t("map.foreign", { level: word("area_level", kind) }) : t("map.no_level"))];
    }
    const address = `/api/v1/${PLURALS[kind]}/${encodeURIComponent(record.code)}/explain?${RiskMap.themes.query()}`;
    const told = await ask(address, signal);
    if (kind === "zone") return [RiskMap.account.account(told, false)];
    return [kind === "source" ? null : RiskMap.themes.section(told), RiskMap.account.account(told, RiskMap.themes.active()), RiskMap.consequences.section(told.consequences, record)];
  }

  async function nearby(record, signal) {
    const { el, ask, distance } = RiskMap.dom;
    const rows = await Promise.all(["target", "resource"].map(async (layer) => {
      const found = await ask(
        `/nearest?layer=${layer}&lon=${record.lon}&lat=${record.lat}&max_m=${NEAR_M}&limit=1&${RiskMap.past.query()}`, signal);
      const item = found.items[0];
      return item && el("div", {}, el("dt", {}, RiskMap.t(`map.nearest_${layer}`)), el("dd", {},
        el("button", { type: "button", class: "link", onclick: () => show(layer, item.code, { fly: true, at: item }) },
          item.name), ` ${distance(item.distance_m)}`));
    }));
    return rows.some(Boolean) ? [el("h3", {}, RiskMap.t("map.near")), el("dl", { class: "facts" }, rows.filter(Boolean))] : [];
  }

  function fullRecord(kind, code) {
    if (!GRADED.has(kind)) return null;
    const then = RiskMap.past.query();
    const address = `${kind === "zone" ? "/zones" : `/explain/${kind}`}/${encodeURIComponent(code)}`;
    return RiskMap.dom.el("a", { class: "wide", href: then ? `${address}?${then}` : address },
      RiskMap.t("map.ledger"));
  }

  /* A source that is on file by itself holds something that can go wrong: what if it does. */
  function whatIf(kind, record) {
    if (kind !== "source" || record.kind === "premises") return null;
    return RiskMap.dom.el("a", { class: "wide", href: `/incident?source=${encodeURIComponent(record.code)}` },
      RiskMap.t("map.what_if"));
  }

  /* One record; `fly` moves the map to it, `again` reads it anew without disturbing who reads. */
  async function show(kind, code, { fly = false, again = false, at = null } = {}) {
    const { el, ask } = RiskMap.dom;
    const { t } = RiskMap;
    if (!(kind in PLURALS) && !at) return; // an address can name anything
    const signal = newQuestion();
    const search = document.getElementById("search-input");
    const typing = document.activeElement === search;
    const loading = el("p", { class: "quiet" }, t("map.loading"));
    open = { kind, code, at };
    if (fly) list = null;
    const back = list ? el("button", { type: "button", class: "link back", onclick: toList }, `‹ ${t("map.back")}`) : null;
    if (!again && (panel.hidden || !body.querySelector(".panel-head"))) reveal([back, loading]);
    try {
      const record = PLURALS[kind] ? await ask(`/api/v1/${PLURALS[kind]}/${encodeURIComponent(code)}?${RiskMap.past.query()}`, signal) : { ...at };
      record.township_name ??= kind === "township" ? null : await townshipName(record.township_code, signal);
      const about = RECORDS.has(kind) || kind === "zone" ? kind : "area";
      const parts = [back, RiskMap.account.head(kind, record)];
      const facts = [el("h3", {}, t("map.facts")), RiskMap.account.facts(about, record)];
      if (!again) reveal([...parts, GRADED.has(kind) ? loading : null, ...facts]);
      markRecord(kind, record, fly);
      if (kind !== "source") RiskMap.consequences.clear();
      const [account, near] = await Promise.all([explained(kind, record, signal),
        kind === "source" || kind === "enterprise" ? nearby(record, signal) : []]);
      const wayDown = RiskMap.past.active() || kind === "zone" ? null : RiskMap.remedies.link(kind, record);
      reveal([...parts, wayDown, ...account, ...facts, ...near, fullRecord(kind, code), whatIf(kind, record)], again ? body.scrollTop : 0);
      const begun = !typing && document.activeElement === search; // who began to type meanwhile goes on
      if (!again && !begun) body.querySelector(".panel-name").focus({ preventScroll: true });
    } catch (error) {
      failed(error, () => show(kind, code, { fly, at }));
    }
  }

  function toList() {
    open = null;
    unmark();
    reveal(listed(list));
  }

  /* The other map is looked at: a list tells the levels of that one. */
  function relist() {
    if (list && !open) reveal(listed(list), body.scrollTop);
  }

  /* The data changed: what is open is read anew, without moving the map. */
  function refresh() {
    if (open) show(open.kind, open.code, { again: true, at: open.at });
  }

  function start(given) {
    config = given;
    panel = document.getElementById("panel");
    body = document.getElementById("panel-body");
    document.getElementById("panel-close").addEventListener("click", close);
    document.addEventListener("keydown", (event) => event.key === "Escape" && !panel.hidden
      && document.activeElement.id !== "search-input" && close());
    const grip = document.getElementById("panel-grip");
    grip.addEventListener("click", () => panel.classList.toggle("tall"));
  }

  RiskMap.panel = { start, identify, show, close, refresh, relist, bringIntoView };
})();
