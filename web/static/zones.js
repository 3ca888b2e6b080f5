/* The maps of joint-control zones: all of them with the trial of another distance, or one with its members and links. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const config = JSON.parse(document.getElementById("zones-config").textContent);
  const { el, ask, number, LEVELS, speak } = RiskMap.dom;
  speak(config.texts);
  // the layers' rules ask for a theme, which the pages of zones have none of
  RiskMap.themes = RiskMap.themes || { active: () => false };
  const t = (key, values) => RiskMap.t(`zones.${key}`, values);
  const TRIAL = "#b0176a";
  const OUTLINE = "#123c42";
  const ROOM = { padding: [24, 24], animate: false };
  let map;
  let trial = null;
  let around = null; // what the map is about: it stays in sight on paper

  function leaflet(records) {
    map = L.map("zone-map", { maxZoom: 18, minZoom: 5, attributionControl: false, zoomSnap: 0.5, zoomControl: false });
    L.control.zoom({ position: "bottomright" }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    const letters = [null, ...Object.keys(LEVELS).map((name) => config.texts[`level_short.${name}`])];
    const layer = RiskMap.ground(records, { letters });
    const box = map.getContainer();
    layer.on("loading", () => box.setAttribute("aria-busy", "true")).on("load", () => box.setAttribute("aria-busy", "false"));
    return layer;
  }

  function fit(bounds) {
    around = bounds;
    map.fitBounds(bounds, ROOM);
  }

  // --- one zone ------------------------------------------------------------------------------------------------

  function tip(text) {
    return el("span", {}, text);
  }

  function drawZone(zone) {
    const colours = RiskMap.dom.levelColours();
    const shape = L.geoJSON(zone.geometry, { interactive: false,
      style: { color: OUTLINE, weight: 2.5, fillColor: OUTLINE, fillOpacity: 0.07 } });
    fit(shape.getBounds());
    shape.addTo(map);
    const at = new Map(zone.members.filter((one) => one.lat !== null).map((one) => [one.code, [one.lat, one.lon]]));
    for (const edge of zone.links) {
      const ends = [at.get(edge.a), at.get(edge.b)];
      if (!ends[0] || !ends[1]) continue;
      L.polyline(ends, { color: OUTLINE, weight: edge.cut ? 1.5 : 2, dashArray: edge.cut ? "4 5" : null, opacity: 0.8 })
        .bindTooltip(tip(`${RiskMap.word("zone_link", edge.by ? `${edge.kind}_${edge.by}` : edge.kind)} · ${t("metres", { m: number(edge.distance_m, 1) })}`), { sticky: true })
        .addTo(map);
    }
    zone.members.forEach((one, i) => {
      if (!at.has(one.code)) return;
      const badge = el("span", { class: `member-no level-${one.level || "none"}` }, String(i + 1));
      badge.style.background = colours[LEVELS[one.level] || 0];
      L.marker(at.get(one.code), { icon: L.divIcon({ className: "member-mark", html: badge, iconSize: [22, 22] }), keyboard: false })
        .bindTooltip(tip(one.name)).addTo(map);
    });
  }

  // --- all zones, and a trial of them --------------------------------------------------------------------------

  async function clicked({ latlng }) {
    if (trial) return;
    try {
      const found = await ask(`/identify?lon=${latlng.lng.toFixed(6)}&lat=${latlng.lat.toFixed(6)}&z=${map.getZoom()}&layers=`);
      if (found.zones.length) location.assign(`/zones/${encodeURIComponent(found.zones[0].code)}`);
    } catch {
      // a click that finds nothing leads nowhere
    }
  }

  function tell(text, failed = false) {
    const told = document.getElementById("what-if-told");
    told.hidden = !text;
    told.textContent = text || "";
    told.classList.toggle("problem", failed);
  }

  function clear() {
    trial?.remove();
    trial = null;
    document.getElementById("what-if-clear").hidden = true;
    tell("");
    document.getElementById("zone-map").classList.remove("trial");
  }

  function drawTrial(found) {
    clear();
    trial = L.geoJSON({ type: "FeatureCollection", features: found.items.filter((one) => one.geometry).map((one) => ({
      type: "Feature", geometry: one.geometry, properties: one })) }, {
      style: { color: TRIAL, weight: 2, dashArray: "6 4", fillColor: TRIAL, fillOpacity: 0.16 },
      onEachFeature: (feature, shape) => shape.bindTooltip(tip(t("what_if_zone",
        { id: feature.properties.id, n: number(feature.properties.member_count) })), { sticky: true }),
    }).addTo(map);
    if (trial.getLayers().length) fit(trial.getBounds());
    document.getElementById("zone-map").classList.add("trial");
    document.getElementById("what-if-clear").hidden = false;
    const most = Math.max(0, ...found.items.map((one) => one.member_count));
    const drawn = trial.getLayers().length;
    tell([t("what_if_result", { n: number(found.total), members: number(found.members), most: number(most), now: number(config.now) }),
      drawn < found.total ? t("what_if_drawn", { n: number(drawn) }) : "", found.items.some((one) => one.hull) ? t("what_if_hull") : "", found.complete ? "" : t("what_if_own")].join(" ").trim());
  }

  function listenToTrial() {
    const form = document.getElementById("what-if");
    if (!form) return;
    document.getElementById("what-if-clear").addEventListener("click", () => {
      clear();
      fit(L.latLngBounds(config.bounds));
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const given = new FormData(form);
      const asked = new URLSearchParams({ distance: given.get("distance"), kinds: given.getAll("kinds").join(","),
        unbounded: given.has("unbounded") ? "true" : "false" });
      const button = form.querySelector("button.primary");
      button.disabled = true;
      const started = Date.now();
      const waits = setInterval(() => tell(t("what_if_busy_s", { s: number(Math.round((Date.now() - started) / 1000)) })), 1000);
      tell(t("what_if_busy"));
      try {
        drawTrial(await ask(`/api/v1/zones/what-if?${asked}`));
      } catch (error) {
        clear();
        tell(t("what_if_failed", { detail: error.message }), true);
      } finally {
        clearInterval(waits);
        button.disabled = false;
      }
    });
  }

  function start() {
    if (config.zone) {
      const layer = leaflet([]);
      drawZone(config.zone);
      layer.addTo(map);
    } else {
      const layer = leaflet(["zone"]);
      fit(L.latLngBounds(config.bounds));
      layer.addTo(map);
      map.on("click", clicked);
      listenToTrial();
    }
    window.matchMedia("print").addEventListener("change", () => {
      map.invalidateSize({ animate: false });
      map.fitBounds(around, ROOM);
    });
  }

  start();
})();
