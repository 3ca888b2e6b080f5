/* The page of an imagined accident: choosing place and wind, and drawing what the server answered. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const config = JSON.parse(document.getElementById("incident-config").textContent);
  const form = document.getElementById("scenario");
  const field = (name) => form.elements.namedItem(name);
  const POINT_ZOOM = 15;
  const LABEL_STEP_DEG = 32;
  // room for the search above, and for the wind below where one is told
  const ROOM = { paddingTopLeft: [16, 66], paddingBottomRight: [16, document.querySelector(".wind-label") ? 84 : 30],
    animate: false };
  const TARGET = "#7a4fa3";
  const { el, ask, distance, number, speak } = RiskMap.dom;
  speak(config.texts);
  const t = (key, values) => RiskMap.t(`incident.${key}`, values);
  let map;
  let mark = null;
  let rings = null;

  // --- choosing ------------------------------------------------------------------------------------------------

  function chooseSource(code, name) {
    field("source").value = code;
    document.getElementById("source-name").textContent = name || t("source_none");
    document.getElementById("source-clear").hidden = !code;
  }

  function choosePlace(lat, lon) {
    field("lon").value = lon.toFixed(6);
    field("lat").value = lat.toFixed(6);
  }

  /* On the page of an answer the scenario is folded away until somebody changes it. */
  function openForm(open) {
    const button = document.getElementById("change");
    if (!button) return;
    document.getElementById("change-form").hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  }

  function show(at) {
    mark?.remove();
    const icon = L.divIcon({ className: "place-mark", iconSize: [30, 30] });
    mark = L.marker(at, { icon, interactive: false, keyboard: false, zIndexOffset: 1000 }).addTo(map);
  }

  /* A record found by search or under a click: a source brings what it holds, anything else its position. */
  function take(layer, item) {
    if (layer === "source") {
      chooseSource(item.code, item.name);
      field("lon").value = field("lat").value = "";
    } else {
      chooseSource("", "");
      choosePlace(item.lat, item.lon);
    }
    openForm(true);
    show([item.lat, item.lon]);
    if (!map.getBounds().pad(-0.1).contains([item.lat, item.lon]) || map.getZoom() < POINT_ZOOM - 2) {
      map.setView([item.lat, item.lon], POINT_ZOOM, { animate: false });
    }
  }

  async function clicked({ latlng }) {
    let hit;
    try {
      const found = await ask(`/identify?lon=${latlng.lng.toFixed(6)}&lat=${latlng.lat.toFixed(6)}&z=${map.getZoom()}&layers=source`);
      hit = found.hits.length === 1 ? found.hits[0] : null;
    } catch {
      hit = null; // the point itself is answer enough
    }
    take(hit ? "source" : "point", hit || { lat: latlng.lat, lon: latlng.lng });
  }

  function turnRose() {
    const index = config.compass.indexOf(field("wind_from").value);
    const degrees = index < 0 ? Number(field("wind_from").value) : (index * 360) / config.compass.length;
    const arrow = document.getElementById("rose-arrow");
    arrow.classList.toggle("none", field("wind_from").value === "");
    arrow.setAttribute("transform", `rotate(${degrees || 0})`);
  }

  function listenToForm() {
    document.getElementById("source-clear").addEventListener("click", () => chooseSource("", ""));
    document.getElementById("change")?.addEventListener("click", (event) =>
      openForm(event.currentTarget.getAttribute("aria-expanded") === "false"));
    for (const button of document.querySelectorAll("[data-all]")) {
      button.addEventListener("click", () => {
        button.closest("p").previousElementSibling.classList.remove("short");
        button.closest("p").remove();
      });
    }
    document.getElementById("print")?.addEventListener("click", () => window.print());
    const rose = document.getElementById("rose");
    rose.addEventListener("click", (event) => {
      const box = rose.getBoundingClientRect();
      const x = event.clientX - box.x - box.width / 2;
      const y = event.clientY - box.y - box.height / 2;
      const step = 360 / config.compass.length;
      const degrees = ((Math.atan2(x, -y) * 180) / Math.PI + 360) % 360;
      field("wind_from").value = config.compass[Math.round(degrees / step) % config.compass.length];
      turnRose();
    });
    field("wind_from").addEventListener("change", turnRose);
    turnRose();
    // an address without empty fields is one that can be read and passed on
    form.addEventListener("submit", () => {
      for (const one of form.elements) if (one.name && !one.value) one.disabled = true;
    });
    window.addEventListener("pageshow", () => {
      for (const one of form.elements) one.disabled = false;
    });
  }

  // --- the answer ----------------------------------------------------------------------------------------------

  /* Where a shape's number stands: on a circle in a direction of its own, so that none covers another; else its far end. */
  function labelled({ geometry, shape, n }, [lat, lon]) {
    const points = geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2);
    const angle = ((LABEL_STEP_DEG * (n - 2)) * Math.PI) / 180;
    const squeeze = Math.cos((lat * Math.PI) / 180);
    const along = ([x, y]) => (shape === "circle" ? (x - lon) * squeeze * Math.sin(angle) + (y - lat) * Math.cos(angle)
      : Math.hypot((x - lon) * squeeze, y - lat));
    return points.reduce((best, point) => (along(point) > along(best) ? point : best));
  }

  function drawRings() {
    const style = getComputedStyle(document.documentElement);
    const drawn = L.featureGroup();
    for (const ring of config.rings) {
      const colour = style.getPropertyValue(`--ring-${ring.event}`).trim();
      const shape = L.geoJSON(ring.geometry, { interactive: false, smoothFactor: 0.2, style: { color: colour, weight: 2.5, fillColor: colour,
        fillOpacity: 0.1, dashArray: ring.certain ? null : "8 6" } });
      drawn.addLayer(shape);
      const [lon, lat] = labelled(ring, config.place);
      const badge = el("span", { class: `ring-no ${ring.event}` }, String(ring.n));
      drawn.addLayer(L.marker([lat, lon], { icon: L.divIcon({ className: "ring-label", html: badge, iconSize: [22, 22] }),
        keyboard: false, interactive: false }));
    }
    return drawn.addTo(map);
  }

  function drawRecords() {
    const tip = (one, more) => {
      const words = el("span", {}, one.name);
      words.append(` · ${more}`);
      return words;
    };
    for (const one of config.resources) {
      const icon = L.divIcon({ className: "", iconSize: [12, 12], html: el("span", { class: "found-mark of-resource" }) });
      L.marker([one.lat, one.lon], { icon, keyboard: false }).bindTooltip(tip(one, distance(one.distance_m))).addTo(map);
    }
    for (const one of config.targets) {
      L.circleMarker([one.lat, one.lon], { radius: 5, weight: 1.5, color: "#fff", fillColor: TARGET, fillOpacity: one.inside ? 1 : 0.55 })
        .bindTooltip(tip(one, `${distance(one.distance_m)} · ${t("persons", { n: number(one.people) })}`)).addTo(map);
    }
  }

  function start() {
    map = L.map("incident-map", { maxZoom: 18, minZoom: 5, attributionControl: false, zoomSnap: 0.5, zoomControl: false });
    L.control.zoom({ position: "bottomright" }).addTo(map);
    map.fitBounds(config.bounds, { animate: false });
    const letters = [null, ...Object.keys(RiskMap.dom.LEVELS).map((name) => config.texts[`level_short.${name}`])];
    const grades = [null, ...[1, 2, 3, 4].map((grade) => config.texts[`map.grade_${grade}`])];
    const layer = RiskMap.ground(["source"], { letters, grades });
    const box = map.getContainer();
    layer.on("loading", () => box.setAttribute("aria-busy", "true")).on("load", () => box.setAttribute("aria-busy", "false"));
    if (config.place) {
      map.setView(config.place, POINT_ZOOM, { animate: false });
      rings = config.rings.length ? drawRings() : null;
      if (rings) map.fitBounds(rings.getBounds(), ROOM);
      drawRecords();
      show(config.place);
    }
    layer.addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    map.on("click", clicked);
    RiskMap.panel = { show: (kind, code, { at }) => take(kind, { ...at, code }) };
    RiskMap.search.start();
    listenToForm();
    // on paper the map is narrower: what it is about stays in sight
    window.matchMedia("print").addEventListener("change", () => {
      map.invalidateSize({ animate: false });
      if (rings) map.fitBounds(rings.getBounds(), ROOM);
    });
  }

  start();
})();
