/* How things look: shapes, icons and letters, drawn on a canvas. A level is told by colour and by shape. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const ICON_FONT = '900 11px "Font Awesome 6 Free"';
  const TEXT_FONT = '"Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif';
  const BADGES_FROM = 11; // further out they would hide the symbols
  const LARGEST_RADIUS = 15; // what protomaps still draws of a symbol whose middle lies in the next tile is 16 px

  const ICONS = {
    hazchem_production: "\uf0c3", hazchem_store: "\ue4f3", lpg_filling: "\uf7e4", lpg_store: "\uf46a",
    gas_network: "\ue4f1", filling_station: "\uf52f", fireworks_production: "\ue4dc", fireworks_store: "\ue4dc",
    fireworks_retail: "\ue4dc", mine: "\uf6fc", goaf: "\ue508", tailings: "\ue508", explosives_store: "\uf1e2",
    ammonia_cold_store: "\uf2dc", water_works: "\uf043", pipeline: "\ue532", port: "\uf13d", shipyard: "\uf21a",
    ferry: "\ue4ea", bridge: "\ue4ce", road_section: "\uf018", construction_site: "\uf85e", crowded_place: "\uf0c0",
    self_built_house: "\uf015", shop_dwelling: "\uf54f", confined_space: "\uf6d9", dust_workshop: "\uf75f",
    small_place: "\uf54e", premises: "\uf275", other: "\uf071",
    high_sensitive: "\ue4e1", important: "\uf66f", general_1: "\uf015", general_2: "\uf015", general_3: "\uf015",
    fire_station: "\uf134", rescue_team: "\uf505", hospital: "\uf0f8", material_store: "\uf466",
    water_source: "\uf043", shelter: "\ue54f",
  };

  /* One closed outline a level, so that the four are told apart without their colours. */
  const OUTLINES = {
    1: (r) => [[0, -1.3 * r], [1.3 * r, 0], [0, 1.3 * r], [-1.3 * r, 0]],
    2: (r) => [[0, -1.35 * r], [1.3 * r, 0.95 * r], [-1.3 * r, 0.95 * r]],
    3: (r) => [[-r, -r], [r, -r], [r, r], [-r, r]],
  };

  function outline(ctx, x, y, r, level) {
    ctx.beginPath();
    if (!OUTLINES[level]) {
      ctx.arc(x, y, 1.08 * r, 0, 2 * Math.PI);
    } else {
      OUTLINES[level](r).forEach(([dx, dy], i) => (i ? ctx.lineTo(x + dx, y + dy) : ctx.moveTo(x + dx, y + dy)));
      ctx.closePath();
    }
  }

  function shape(ctx, x, y, r, level, fill, halo) {
    outline(ctx, x, y, r, level);
    ctx.lineJoin = "round";
    ctx.lineWidth = 2 * halo + 1.4;
    ctx.strokeStyle = "rgba(32, 40, 56, 0.75)";
    ctx.stroke();
    ctx.lineWidth = 2 * halo;
    ctx.strokeStyle = "#fff";
    ctx.stroke();
    ctx.fillStyle = fill;
    ctx.fill();
  }

  function write(ctx, text, x, y, font, fill) {
    ctx.font = font;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = fill;
    ctx.fillText(text, x, y);
  }

  /* The grade of a major hazard source, a scale of its own, in words on a dark plate. */
  function gradeBadge(ctx, x, y, word) {
    const font = `700 9px ${TEXT_FONT}`;
    ctx.font = font;
    const half = ctx.measureText(word).width / 2 + 3;
    ctx.beginPath();
    ctx.roundRect(x - half, y - 6.5, 2 * half, 13, 3.5);
    ctx.fillStyle = "#1d2433";
    ctx.fill();
    ctx.lineWidth = 1.2;
    ctx.strokeStyle = "#fff";
    ctx.stroke();
    write(ctx, word, x, y + 0.5, font, "#fff");
  }

  const inkOn = (level) => (level === 3 ? "#4a3500" : "#fff");

  function single(ctx, at, props, style, state) {
    const level = style.plain ? 0 : state.levelOf(props);
    const fill = style.plain || state.colourOf(level);
    const icon = style.icons && ICONS[props.kind];
    shape(ctx, at.x, at.y, style.radius, style.plain ? 3 : level, fill, style.halo);
    if (icon) {
      write(ctx, icon, at.x, at.y + (level === 2 ? 2.5 : 0.5), ICON_FONT, style.plain ? "#fff" : inkOn(level));
    }
  }

  /* How many of a square's records are shown at the levels chosen, by level (0: none) on the map that is shown. */
  function shown(props, levels, state) {
    const counts = [props.n, 0, 0, 0, 0];
    for (const level of [1, 2, 3, 4]) {
      counts[level] = props[`${state.scale}_${level}`] || (props.n === 1 && state.levelOf(props) === level ? 1 : 0);
      counts[0] -= counts[level];
    }
    return counts.map((n, level) => (levels.has(level) ? n : 0));
  }

  const short = (n) => (n < 1000 ? String(n) : `${Math.round(n / 100) / 10}k`);

  const ringRadius = (style, total) => Math.min(LARGEST_RADIUS, style.ring + 1.6 * Math.log2(total));

  function ring(ctx, at, counts, total, style, state) {
    const r = ringRadius(style, total);
    ctx.beginPath();
    ctx.arc(at.x, at.y, r + 0.7, 0, 2 * Math.PI);
    ctx.fillStyle = "rgba(32, 40, 56, 0.8)";
    ctx.fill();
    let from = -Math.PI / 2;
    for (const level of [1, 2, 3, 4, 0]) {
      if (!counts[level]) continue;
      const to = from + (2 * Math.PI * counts[level]) / total;
      ctx.beginPath();
      ctx.moveTo(at.x, at.y);
      ctx.arc(at.x, at.y, r, from, to);
      ctx.closePath();
      ctx.fillStyle = style.plain || state.colourOf(level);
      ctx.fill();
      from = to;
    }
    ctx.beginPath();
    ctx.arc(at.x, at.y, r - style.band, 0, 2 * Math.PI);
    ctx.fillStyle = style.centre;
    ctx.fill();
    const size = total < 100 ? 10.5 : total < 1000 ? 9 : 8;
    write(ctx, short(total), at.x, at.y + 0.5, `${style.weight} ${size}px ${TEXT_FONT}`, style.ink);
  }

  const ALL = new Set([0, 1, 2, 3, 4]);

  /* Draws one record or the ring of a square; `state.levels` says which levels are chosen. */
  function records(style, state) {
    return {
      draw(ctx, geom, z, feature) {
        const at = geom[0][0];
        const { props } = feature;
        ctx.globalAlpha = 1;
        const counts = shown(props, style.plain ? ALL : state.levels, state);
        const total = counts.reduce((sum, n) => sum + n, 0);
        if (!total) return;
        if (props.n === 1) single(ctx, at, props, style, state);
        else ring(ctx, at, counts, total, style, state);
        if (props.grade && z >= BADGES_FROM) gradeBadge(ctx, at.x + 14, at.y - 14, state.grades[props.grade]);
      },
    };
  }

  /* Keeps names away from a symbol: it takes its place in the index of labels without ever giving way or pushing. */
  function obstacle(style, state) {
    return {
      place(layout, geom, feature) {
        const at = geom[0][0];
        const counts = shown(feature.props, style.plain ? ALL : state.levels, state);
        const total = counts.reduce((sum, n) => sum + n, 0);
        const r = feature.props.n === 1 ? style.radius + 2 : ringRadius(style, Math.max(total, 1));
        if (!total || r < 7) return undefined;
        const box = { minX: at.x - r, maxX: at.x + r, minY: at.y - r, maxY: at.y + r };
        layout.index.insert({ anchor: at, bboxes: [box], draw() {} }, layout.order, "obstacles");
        return undefined;
      },
    };
  }

  RiskMap.symbols = { ICON_FONT, TEXT_FONT, ICONS, shape, gradeBadge, write, inkOn, records, obstacle };
})();
