/* What is drawn in which order: the ground (base map, coloured areas, names) and the records on it. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const { TEXT_FONT, records, obstacle } = RiskMap.symbols;
  const LAND = "#f6f4ee";
  const WATER = "#cfe4ea";
  const SHORE = "#9fc3cf";
  const AREA_ALPHA = 0.46;
  const ZONE = "#0b5c5c";

  function trace(ctx, geom, close) {
    ctx.beginPath();
    for (const part of geom) {
      part.forEach((p, i) => (i ? ctx.lineTo(p.x, p.y) : ctx.moveTo(p.x, p.y)));
      if (close) ctx.closePath();
    }
  }

  function filled(style) {
    return {
      draw(ctx, geom, z, feature) {
        const fill = typeof style.fill === "function" ? style.fill(feature.props) : style.fill;
        if (!fill) return;
        trace(ctx, geom, true);
        ctx.globalAlpha = typeof style.alpha === "function" ? style.alpha() : style.alpha ?? 1;
        ctx.fillStyle = fill;
        ctx.fill();
        ctx.globalAlpha = 1;
      },
    };
  }

  function stroked(colour, width, { dash = [], closed = false, alpha = 1 } = {}) {
    return {
      draw(ctx, geom, z, feature) {
        trace(ctx, geom, closed);
        ctx.globalAlpha = alpha;
        ctx.strokeStyle = typeof colour === "function" ? colour(feature.props) : colour;
        ctx.lineWidth = typeof width === "function" ? width(z) : width;
        ctx.lineJoin = "round";
        ctx.lineCap = dash.length ? "butt" : "round";
        ctx.setLineDash(dash);
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.globalAlpha = 1;
      },
    };
  }

  /* Where a name may stand beside its point when that is taken, as parts of its own width and height. */
  const ASIDE = [[0, 0], [0, -1], [0, 1], [0.35, -0.6], [-0.35, -0.6], [0.35, 0.7], [-0.35, 0.7], [0, -1.8], [0, 1.8],
    [0.6, 0], [-0.6, 0]];

  /* What the small plate below an area's name says: its level, or the amount of the theme that is looked at; else null. */
  function plateOf(props, state) {
    if (RiskMap.themes.active()) {
      const { by } = RiskMap.themes.theme;
      const amount = RiskMap.themes.amountOf(props);
      const { told, shade, ink } = RiskMap.themeScale;
      return amount > 0 ? { word: told(amount, by), fill: shade(amount, by), ink: ink(amount, by) } : null;
    }
    const level = state.levelOf(props);
    const quiet = state.scale === "rise" && level === 4; // nothing to call anybody's eye to
    if (!level || quiet || !state.levels.has(level)) return null;
    return { word: state.letters[level], fill: state.colours[level], ink: RiskMap.symbols.inkOn(level) };
  }

  /* Text with a halo at its point or, with `aside`, near it; `mark` adds the area's plate below. */
  function name(style, state) {
    return {
      place(layout, geom, feature) {
        const text = style.text ? style.text(feature.props) : feature.props.name;
        if (!text) return undefined;
        const font = `${style.weight ?? 500} ${style.size}px ${TEXT_FONT}`;
        layout.scratch.font = font;
        const width = layout.scratch.measureText(text).width + 6;
        const mark = style.mark && plateOf(feature.props, state);
        const height = 1.5 * style.size + (mark ? 19 : 0);
        const step = 1.5 * style.size + (style.mark ? 19 : 0); // the same places with a plate and without
        const boxAt = ([dx, dy]) => {
          const x = geom[0][0].x + dx * width;
          const y = geom[0][0].y + dy * step + (style.dy ?? 0);
          return { minX: x - width / 2, maxX: x + width / 2, minY: y - 0.75 * style.size,
            maxY: y - 0.75 * style.size + height };
        };
        const boxes = (style.aside ? ASIDE : ASIDE.slice(0, 1)).map(boxAt);
        const box = boxes.find((one) => !layout.index.bboxCollides(one, layout.order));
        if (!box) return undefined;
        const anchor = Object.assign(geom[0][0].clone(), { x: box.minX + width / 2, y: box.minY + 0.75 * style.size });
        const draw = (ctx) => {
          ctx.globalAlpha = 1;
          ctx.font = font;
          ctx.textAlign = "center";
          ctx.textBaseline = "middle";
          ctx.lineJoin = "round";
          ctx.lineWidth = 3.2;
          ctx.strokeStyle = style.halo ?? "rgba(255, 255, 255, 0.92)";
          ctx.strokeText(text, 0, 0);
          ctx.fillStyle = style.fill;
          ctx.fillText(text, 0, 0);
          if (mark) plate(ctx, 0, style.size * 0.75 + 9, mark);
        };
        // a point in the margin of several tiles, or in base map and areas both, is named once
        return [{ anchor, bboxes: [box], draw, deduplicationKey: feature.props.name, deduplicationDistance: 220 }];
      },
    };

    function plate(ctx, x, y, { word, fill, ink }) {
      ctx.font = `700 11px ${TEXT_FONT}`;
      const w = Math.max(18, ctx.measureText(word).width + 8);
      ctx.beginPath();
      ctx.roundRect(x - w / 2, y - 8, w, 16, 4);
      ctx.fillStyle = fill;
      ctx.fill();
      ctx.lineWidth = 1.4;
      ctx.strokeStyle = "#fff";
      ctx.stroke();
      ctx.fillStyle = ink;
      ctx.fillText(word, x, y + 0.5);
    }
  }

  const kind = (...kinds) => (z, f) => kinds.includes(f.props.kind);
  const roads = (low, high) => (z, f) => f.props.kind === "road" && f.props.rank >= low && f.props.rank <= high;
  const byZoom = (z14, step, least) => (z) => Math.max(least, z14 + step * (z - 14));

  /* The colour of a thing's level on the map shown, where that level is chosen. */
  const levelFill = (state) => (props) => {
    const level = state.levelOf(props);
    return state.levels.has(level) ? state.colourOf(level) : undefined;
  };

  /* An area by the theme that is looked at, else by its level; nothing where it has nothing, or is not known yet. */
  const areaShade = (state) => (props) => {
    if (!RiskMap.themes.active()) return levelFill(state)(props);
    const amount = RiskMap.themes.amountOf(props);
    return amount === undefined ? undefined : RiskMap.themeScale.shade(amount, RiskMap.themes.theme.by);
  };

  function groundPaint(state) {
    const areaFill = areaShade(state);
    const alpha = () => (RiskMap.themes.active() ? RiskMap.themeScale.ALPHA : AREA_ALPHA);
    const way = (filter, symbolizer, minzoom) => ({ dataSource: "base", dataLayer: "way", filter, symbolizer, minzoom });
    const area = (symbolizer) => ({ dataSource: "area", dataLayer: "area", symbolizer });
    const zone = (symbolizer) => ({ dataSource: "zone", dataLayer: "zone", symbolizer });
    const overlay = (symbolizer) => ({ dataSource: "overlay", dataLayer: "overlay", symbolizer });
    return [
      { dataSource: "base", dataLayer: "land", symbolizer: filled({ fill: LAND }) },
      area(filled({ fill: areaFill, alpha })),
      area(stroked("#ffffff", (z) => (z < 12 ? 1.6 : 1), { closed: true, alpha: 0.85 })),
      area(stroked("#5b6577", 0.6, { closed: true, alpha: 0.55 })),
      { dataSource: "base", dataLayer: "water", symbolizer: filled({ fill: WATER }) },
      { dataSource: "base", dataLayer: "water", symbolizer: stroked(SHORE, 0.8, { closed: true }) },
      way(kind("river"), stroked(SHORE, byZoom(2, 0.5, 1))),
      way(kind("dyke"), stroked("#a08a63", byZoom(2, 0.4, 1), { dash: [6, 2] }), 11),
      way(roads(5, 9), stroked("#ffffff", byZoom(1.6, 0.9, 0.7)), 13),
      way(roads(3, 4), stroked("#b9b3a6", byZoom(3.6, 0.9, 1.6)), 10),
      way(roads(3, 4), stroked("#ffffff", byZoom(2.4, 0.8, 0.8)), 11),
      way(roads(1, 2), stroked("#a8946c", byZoom(5, 1.1, 2.4))),
      way(roads(1, 2), stroked("#fbe6b6", byZoom(3.6, 1, 1.4))),
      way(kind("railway"), stroked("#7d8390", 2, { dash: [8, 5] }), 10),
      way(kind("ferry_route"), stroked("#4d7ea8", 1.3, { dash: [5, 4] }), 11),
      { dataSource: "base", dataLayer: "border", filter: kind("township"),
        symbolizer: stroked("#5b6577", 1, { dash: [7, 3, 2, 3], closed: true, alpha: 0.8 }) },
      { dataSource: "base", dataLayer: "border", filter: kind("city"),
        symbolizer: stroked("#8b5fa8", 5, { closed: true, alpha: 0.22 }) },
      { dataSource: "base", dataLayer: "border", filter: kind("city"),
        symbolizer: stroked("#6b4a86", 1.4, { dash: [10, 3, 2, 3], closed: true }) },
      { dataSource: "base", dataLayer: "border", filter: (z, f) => f.props.code === state.own,
        symbolizer: stroked("#6b4a86", 2.6, { closed: true }) },
      overlay(stroked("#2b2f3a", 4.2, { closed: true, alpha: 0.75 })),
      overlay(stroked((p) => areaFill(p) || "#fff", 2.4, { dash: [7, 4], closed: true })),
      zone(filled({ fill: levelFill(state), alpha: 0.4 })),
      zone(stroked("#ffffff", 4, { closed: true, alpha: 0.8 })),
      zone(stroked(ZONE, 2.2, { closed: true })),
      // an outline that is too small to be seen is a dot
      { dataSource: "zone", dataLayer: "zone_name", maxzoom: 12, symbolizer: new protomapsL.CircleSymbolizer({ radius: 4.5,
        fill: (z, f) => levelFill(state)(f.props) || "#fff", stroke: ZONE, width: 1.8 }) },
    ];
  }

  const groupOf = (p) => p.name.replace(/^.*?(第?\d+)(村民|居民)?小?组$/, "$1组");

  function groundLabels(state) {
    const area = (filter, style, minzoom, maxzoom) => ({
      dataSource: "area", dataLayer: "area_name", filter, minzoom, maxzoom, symbolizer: name(style, state) });
    const base = (filter, style, minzoom, maxzoom) => ({
      dataSource: "base", dataLayer: "name", filter, minzoom, maxzoom, symbolizer: name(style, state) });
    return [
      area(kind("township"), { size: 13, weight: 600, fill: "#20283a", mark: true, aside: true }, 9),
      area(kind("village"), { size: 12, fill: "#2c3446", mark: true, aside: true }, 12),
      area(kind("grid"), { size: 11, fill: "#3a4254", mark: true, aside: true, text: groupOf }, 15),
      base(kind("city"), { size: 14, weight: 600, fill: "#20283a" }, 0, 8),
      base(kind("township"), { size: 13, weight: 600, fill: "#20283a", aside: true }, 10, 14),
      base(kind("village"), { size: 12, weight: 600, fill: "#2c3446", aside: true }, 13),
      base(kind("lake", "river"), { size: 12, fill: "#39708a", halo: "rgba(255, 255, 255, 0.7)", aside: true }, 10),
      { dataSource: "overlay", dataLayer: "overlay_name", minzoom: 12,
        symbolizer: name({ size: 11, weight: 600, fill: "#2b2f3a", mark: true, aside: true }, state) },
      { dataSource: "zone", dataLayer: "zone_name", minzoom: 14,
        symbolizer: name({ size: 11, weight: 600, fill: ZONE, mark: true, aside: true }, state) },
      { dataSource: "base", dataLayer: "way", minzoom: 12, filter: roads(1, 3),
        symbolizer: new protomapsL.LineLabelSymbolizer({ font: `500 11px ${TEXT_FONT}`, fill: "#6d5d3c", stroke: "#fff",
          width: 3, position: 2, repeatDistance: 360 }) },
    ];
  }

  const STYLES = {
    source: { radius: 10, halo: 1.3, icons: true, ring: 9, band: 4.2, centre: "#fff", ink: "#20283a", weight: 700 },
    enterprise: { radius: 3.8, halo: 0.9, ring: 5.5, band: 3, centre: "#eef0f4", ink: "#4a5264", weight: 500 },
    target: { radius: 7.5, halo: 1, icons: true, plain: "#7a4fa3", ring: 7, band: 2.4, centre: "#f4effa", ink: "#5b3684",
      weight: 600 },
    resource: { radius: 8, halo: 1, icons: true, plain: "#1d7a55", ring: 7, band: 2.4, centre: "#eaf6f0", ink: "#155c40",
      weight: 600 },
  };

  function recordPaint(state) {
    const siteFill = levelFill(state);
    const sites = ["enterprise", "target", "source"].flatMap((layer) => [
      { dataSource: layer, dataLayer: `${layer}_site`, symbolizer: filled({ fill: siteFill, alpha: 0.32 }) },
      { dataSource: layer, dataLayer: `${layer}_site`, symbolizer: stroked("#2b3344", layer === "source" ? 1.4 : 0.8,
        { closed: false, alpha: 0.7 }) },
    ]);
    // of one layer the worst lies on top, whichever of the two maps is shown
    const points = ["enterprise", "target", "resource", "source"].flatMap((layer) =>
      (STYLES[layer].plain ? [null] : [0, 4, 3, 2, 1]).map((level) => (
        { dataSource: layer, dataLayer: layer, symbolizer: records(STYLES[layer], state),
          filter: level === null ? undefined : (z, f) => state.levelOf(f.props) === level })));
    return [...sites, ...points];
  }

  function obstacles(state) {
    return ["source", "enterprise", "target", "resource"].map((layer) => (
      { dataSource: layer, dataLayer: layer, symbolizer: obstacle(STYLES[layer], state) }));
  }

  function recordLabels(state) {
    const shown = (z, f) => state.levels.has(state.levelOf(f.props));
    const label = (layer, minzoom, size, dy, fill) => ({ dataSource: layer, dataLayer: layer, minzoom,
      filter: (z, f) => f.props.n === 1 && (layer === "target" || layer === "resource" || shown(z, f)),
      symbolizer: name({ size, dy, fill, weight: 600 }, state) });
    return [
      label("source", 15, 12, 22, "#20283a"),
      label("resource", 16, 11, 18, "#155c40"),
      label("target", 16, 11, 18, "#5b3684"),
      label("enterprise", 17, 11, 13, "#3a4254"),
    ];
  }

  RiskMap.rules = {
    STYLES,
    ZONE,
    paint: (state) => [...groundPaint(state), ...recordPaint(state)],
    labels: (state) => [...obstacles(state), ...groundLabels(state), ...recordLabels(state)],
  };
})();
