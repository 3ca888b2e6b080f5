/* Where a proposal stands: a point or a parcel on the map, clicked, drawn, typed, from a file, and dragged about. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const HANDLES = 40; // a parcel with more corners is moved as a whole
  const DIGITS = 7;
  const COLOUR = "#111827";
  const round = (degrees) => Number(degrees.toFixed(DIGITS));
  const at = ({ lat, lng }) => [round(lng), round(lat)];

  /* Every position of a geometry, changed by a function; a shape without positions is none. */
  function mapped(coordinates, change) {
    return typeof coordinates[0] === "number" ? change(coordinates) : coordinates.map((one) => mapped(one, change));
  }

  function positions(geometry) {
    const found = [];
    mapped(geometry.coordinates, (one) => found.push(one));
    return found;
  }

  /* The geometry of a GeoJSON document: its own, its feature's, or all polygons of its features together; null: none. */
  function geometryOf(told) {
    if (!told || typeof told !== "object") return null;
    if (told.type === "Feature") return geometryOf(told.geometry);
    if (told.type !== "FeatureCollection") return Array.isArray(told.coordinates) ? { type: told.type, coordinates: told.coordinates } : null;
    const found = (Array.isArray(told.features) ? told.features : []).map(geometryOf).filter(Boolean);
    if (found.length < 2) return found[0] || null;
    const parts = found.flatMap((one) => (one.type === "MultiPolygon" ? one.coordinates : one.type === "Polygon" ? [one.coordinates] : []));
    return parts.length ? { type: "MultiPolygon", coordinates: parts } : found[0];
  }

  /* `changed(geometry)` is told of every change, also while something is dragged; `drawing(corners)` while a parcel is drawn. */
  RiskMap.place = (map, { changed, drawing }) => {
    const drawn = L.featureGroup().addTo(map);
    let tool = "point";
    let geometry = null;
    let corners = [];
    let shape = null;

    const handle = (latlng, className, size) => L.marker(latlng, { draggable: true, zIndexOffset: className === "place-mark" ? 1000 : 900,
      icon: L.divIcon({ className, iconSize: [size, size] }), keyboard: false }).addTo(drawn);

    function show() {
      drawn.clearLayers();
      shape = null;
      if (!geometry) return;
      if (geometry.type === "Point") {
        const mark = handle([geometry.coordinates[1], geometry.coordinates[0]], "place-mark", 30);
        mark.on("drag", () => { geometry = { type: "Point", coordinates: at(mark.getLatLng()) }; changed(geometry); });
        return;
      }
      outline();
      moving();
      reshaping();
    }

    function outline() {
      shape?.remove();
      shape = L.geoJSON(geometry, { interactive: false, style: { color: COLOUR, weight: 2.5, fillColor: COLOUR, fillOpacity: 0.12 } }).addTo(drawn);
    }

    /* The cross in the middle takes the whole shape along. */
    function moving() {
      const mark = handle(shape.getBounds().getCenter(), "place-mark", 30);
      let from = null;
      mark.on("dragstart", () => { from = { geometry, middle: mark.getLatLng() }; });
      mark.on("drag", () => {
        const to = mark.getLatLng();
        const [east, north] = [to.lng - from.middle.lng, to.lat - from.middle.lat];
        geometry = { ...from.geometry, coordinates: mapped(from.geometry.coordinates, ([x, y]) => [round(x + east), round(y + north)]) };
        outline();
        changed(geometry);
      });
      mark.on("dragend", show);
    }

    function reshaping() {
      if (geometry.type !== "Polygon" || positions(geometry).length > HANDLES) return;
      geometry.coordinates.forEach((ring, r) => ring.slice(0, -1).forEach(([x, y], n) => {
        const dot = handle([y, x], "corner-mark", 16);
        dot.on("drag", () => {
          const rings = geometry.coordinates.map((one) => [...one]);
          rings[r][n] = at(dot.getLatLng());
          if (n === 0) rings[r][rings[r].length - 1] = rings[r][0];
          geometry = { type: "Polygon", coordinates: rings };
          outline();
          changed(geometry);
        });
        dot.on("dragend", show);
      }));
    }

    function sketch() {
      drawn.clearLayers();
      L.polyline(corners, { color: COLOUR, weight: 2, dashArray: "5 5", interactive: false }).addTo(drawn);
      for (const one of corners) L.circleMarker(one, { radius: 4, color: COLOUR, fillColor: "#fff", fillOpacity: 1, interactive: false }).addTo(drawn);
      drawing(corners.length);
    }

    function set(wanted, { look = false } = {}) {
      geometry = wanted;
      corners = [];
      show();
      if (look && geometry) {
        if (geometry.type === "Point") map.setView(drawn.getBounds().getCenter(), Math.max(map.getZoom(), 15), { animate: false });
        else map.fitBounds(drawn.getBounds(), { maxZoom: 16, padding: [40, 60], animate: false });
      }
      changed(geometry);
    }

    function finish() {
      if (corners.length < 3) return;
      const ring = corners.map(at);
      tool = "point";
      set({ type: "Polygon", coordinates: [[...ring, ring[0]]] });
    }

    return { set, finish, geometryOf,
      get geometry() { return geometry; },
      get tool() { return tool; },
      choose(wanted) {
        tool = wanted;
        corners = [];
        if (tool === "polygon") { geometry = null; sketch(); changed(null); }
        else show();
      },
      clicked(latlng) {
        if (tool === "polygon") { corners.push(latlng); sketch(); }
        else set({ type: "Point", coordinates: at(latlng) });
      } };
  };
})();
