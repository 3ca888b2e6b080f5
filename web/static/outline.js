/* Outlines on a map: those that are there already, and the corners of a new one, click by click, into the form beside. */
"use strict";
(() => {
  const config = JSON.parse(document.getElementById("outline-config").textContent);
  const LEAST = 3;
  const RUNNING = { color: "#5a1e6b", weight: 2, fillOpacity: 0.12 };
  const NEW = { color: "#145a9c", weight: 2, fillOpacity: 0.18 };
  const form = document.getElementById("outline-form");
  const text = (key, values = {}) => Object.entries(values).reduce(
    (said, [name, value]) => said.replace(`{${name}}`, value), config.texts[key]);
  const box = document.getElementById("outline-map");
  const map = L.map(box, { maxZoom: 18, minZoom: 5, attributionControl: false, zoomSnap: 0.5 });
  map.fitBounds(config.bounds, { animate: false });
  RiskMap.ground().addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  for (const one of config.shown) {
    L.geoJSON(one.polygon, { style: RUNNING }).bindTooltip(one.code).addTo(map);
  }
  if (!form) return;

  box.classList.add("drawing");
  const undo = document.getElementById("outline-undo");
  const clear = document.getElementById("outline-clear");
  const told = document.getElementById("outline-told");
  const drawn = L.featureGroup().addTo(map);
  let corners = given();

  /* The outline that came back with a form that was wrong. */
  function given() {
    try {
      const ring = JSON.parse(form.elements.polygon.value).coordinates[0];
      return ring.slice(0, -1).map(([lon, lat]) => L.latLng(lat, lon));
    } catch {
      return [];
    }
  }

  function show() {
    drawn.clearLayers();
    const closed = corners.length >= LEAST;
    (closed ? L.polygon(corners, NEW) : L.polyline(corners, NEW)).addTo(drawn);
    for (const corner of corners) L.circleMarker(corner, { ...NEW, radius: 5, fillColor: "#fff", fillOpacity: 1 }).addTo(drawn);
    const ring = corners.map(({ lng, lat }) => [Number(lng.toFixed(6)), Number(lat.toFixed(6))]);
    form.elements.polygon.value = corners.length
      ? JSON.stringify({ type: "Polygon", coordinates: [[...ring, ring[0]]] }) : "";
    told.textContent = !corners.length ? text("draw") : closed ? text("draw_done", { n: corners.length })
      : text("draw_more", { n: LEAST - corners.length });
    undo.disabled = clear.disabled = !corners.length;
  }

  map.on("click", ({ latlng }) => { corners.push(latlng.wrap()); show(); });
  map.doubleClickZoom.disable();
  undo.addEventListener("click", () => { corners.pop(); show(); });
  clear.addEventListener("click", () => { corners = []; show(); });
  show();
})();
