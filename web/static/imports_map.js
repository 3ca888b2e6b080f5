/* The map of a preview: our own base layer, and one dot a row in the colour of what would become of it. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const COLOURS = { same: "#8a97a5", new: "#1d8a4a", changed: "#2a6fd6", rejected: "#c62a21", question: "#ef8a1d" };
  const ORDER = Object.keys(COLOURS);
  const NEAR_DEGREES = 1; // a question's row whose place in the file is further away lies on no map of this city

  function mark(point, renderer) {
    const { t } = RiskMap;
    const place = [point.lat, point.lon];
    const dot = L.circleMarker(place, { renderer, radius: point.state === "same" ? 3 : 5, weight: 1, color: "#fff",
      fillColor: COLOURS[point.state], fillOpacity: 0.9 });
    const words = [t("imports.point_row", { row: point.row }), t(`imports.point_${point.state}`), point.name];
    const tip = document.createElement("span");
    tip.textContent = words.filter(Boolean).join(" · ");
    dot.bindTooltip(tip);
    return dot;
  }

  /* From where the file has it to where it would lie, where both are to be seen. */
  function way(point, renderer) {
    if (!point.from) return null;
    const [lon, lat] = point.from;
    const near = Math.abs(lon - point.lon) < NEAR_DEGREES && Math.abs(lat - point.lat) < NEAR_DEGREES;
    return near ? L.polyline([[lat, lon], [point.lat, point.lon]], { renderer, color: COLOURS.question, weight: 1.5,
      dashArray: "4 3", interactive: false }) : null;
  }

  /* Draw the points into an element; gives back what takes the map away again. */
  function draw(box, points, bounds) {
    const map = L.map(box, { maxZoom: 18, minZoom: 5, attributionControl: false, zoomSnap: 0.5 });
    const renderer = L.canvas({ padding: 0.3 });
    const shown = [...points].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    map.fitBounds(points.length ? L.latLngBounds(points.map((one) => [one.lat, one.lon])).pad(0.12) : bounds,
      { maxZoom: 16, animate: false });
    RiskMap.ground().addTo(map);
    for (const point of shown) {
      way(point, renderer)?.addTo(map);
      mark(point, renderer).addTo(map);
    }
    L.control.scale({ imperial: false }).addTo(map);
    return () => map.remove();
  }

  RiskMap.previewMap = { draw, ORDER };
})();
