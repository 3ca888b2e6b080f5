/* The legend is the switchboard: levels and layers are shown or hidden where they are explained. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const PHONE = "(max-width: 640px)";

  function paintShapes() {
    const { shape, gradeBadge, write, ICON_FONT, ICONS, inkOn } = RiskMap.symbols;
    const { state } = RiskMap.map;
    for (const canvas of document.querySelectorAll("canvas[data-shape]")) {
      const scale = window.devicePixelRatio || 1;
      const size = 26;
      canvas.width = canvas.height = size * scale;
      const ctx = canvas.getContext("2d");
      ctx.scale(scale, scale);
      const [what, value, of] = canvas.dataset.shape.split(":");
      const middle = size / 2;
      if (what === "level") shape(ctx, middle, middle + (value === "2" ? 1 : 0), 7.5, Number(value),
        state.colourOf(Number(value), of), 1.2);
      else if (what === "grade") gradeBadge(ctx, middle, middle, state.grades[value]);
      else if (what === "area") {
        [1, 2, 3, 4].forEach((level, i) => {
          ctx.globalAlpha = 0.7;
          ctx.fillStyle = state.colours[level];
          ctx.fillRect(4 + 9 * (i % 2), 4 + 9 * Math.floor(i / 2), 9, 9);
        });
      } else if (what === "overlay") {
        ctx.setLineDash([4, 2.5]);
        ctx.lineWidth = 2.2;
        ctx.strokeStyle = "#2b2f3a";
        ctx.strokeRect(5, 6, 16, 14);
      } else if (what === "zone") {
        ctx.lineWidth = 2.2;
        ctx.strokeStyle = RiskMap.rules.ZONE;
        ctx.beginPath();
        ctx.ellipse(13, 13, 9.5, 7, 0, 0, 2 * Math.PI);
        ctx.stroke();
      } else if (what === "layer") {
        const style = RiskMap.rules.STYLES[value];
        const icon = { source: ICONS.filling_station, target: ICONS.high_sensitive, resource: ICONS.fire_station }[value];
        const r = Math.min(style.radius, 8.5);
        shape(ctx, middle, middle, r, style.plain ? 3 : 4, style.plain || "#5b6577", style.halo);
        if (icon) write(ctx, icon, middle, middle + 0.5, ICON_FONT, inkOn(4));
      }
    }
  }

  function bindLevels() {
    for (const button of document.querySelectorAll("[data-level]")) {
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        RiskMap.map.toggleLevel(button.closest("[data-of]").dataset.of, Number(button.dataset.level), on);
      });
    }
  }

  function bindLayers() {
    for (const box of document.querySelectorAll("[data-layer]")) {
      box.checked = RiskMap.map.state.on.has(box.dataset.layer);
      box.addEventListener("change", () => RiskMap.map.toggleLayer(box.dataset.layer, box.checked));
    }
  }

  /* A layer that an address asks for is shown. */
  function switchOn(layer) {
    RiskMap.map.toggleLayer(layer, true);
    document.querySelector(`[data-layer="${layer}"]`).checked = true;
  }

  /* Which areas are coloured at this zoom; the server's steps are in tile zooms, one less than the map's. */
  function areaLevel(config, zoom) {
    return config.area_levels.find(([lowest]) => zoom - 1 >= lowest)[1];
  }

  const COARSE_FIRST = ["township", "village", "grid"];

  /* The levels that may be drawn at this zoom: that one, coarser ones that stand in for it, and the parks. */
  const levelsDrawn = (config) => {
    const shown = areaLevel(config, RiskMap.map.leaflet.getZoom());
    return [...COARSE_FIRST.slice(0, COARSE_FIRST.indexOf(shown) + 1), "overlay"];
  };

  function start(config) {
    const { map } = RiskMap;
    document.fonts.load(RiskMap.symbols.ICON_FONT, "\uf275").then(paintShapes);
    bindLevels();
    bindLayers();
    RiskMap.legend.tell = () => {
      const level = RiskMap.word("area_level", areaLevel(config, map.leaflet.getZoom()));
      document.getElementById("legend-area").textContent = RiskMap.themes.active()
        ? RiskMap.t("themes.legend_area", { level, by: RiskMap.themes.byWord() })
        : RiskMap.t(`map.legend_area_${map.state.scale}`, { level });
    };
    map.leaflet.on("moveend", RiskMap.legend.tell);

    const card = document.getElementById("legend");
    const button = document.getElementById("legend-toggle");
    const open = (on) => {
      card.hidden = !on;
      button.setAttribute("aria-expanded", String(on));
    };
    RiskMap.legend.open = open;
    button.addEventListener("click", () => {
      open(card.hidden);
      if (!card.hidden) RiskMap.themes.open(false);
    });
    document.getElementById("legend-close").addEventListener("click", () => open(false));
    map.leaflet.on("click", () => {
      if (!window.matchMedia(PHONE).matches) return;
      open(false);
      RiskMap.themes.open(false);
    });
    open(!window.matchMedia(PHONE).matches);
    document.getElementById("map-home").addEventListener("click", () => map.home());
    document.getElementById("map-in").addEventListener("click", () => map.leaflet.zoomIn());
    document.getElementById("map-out").addEventListener("click", () => map.leaflet.zoomOut());
  }

  RiskMap.legend = { start, switchOn, areaLevel, levelsDrawn, PHONE };
})();
