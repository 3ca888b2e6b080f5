/* The map itself: one canvas layer of vector tiles, what is switched on, and drawing anew when data changed. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const RECORDS = ["source", "enterprise", "target", "resource"];
  const LAYERS = ["base", "area", "overlay", "zone", ...RECORDS];
  const KEPT_TILES = 400;
  const PAPER = { width: 1040, height: 640 }; // A4 across, in the pixels of CSS, within its margins
  // so much of the view may be cut off an area that would else be drawn at half the size
  const CROPPED = { desk: 0.12, phone: 0.32 };

  /* Fetches one layer's tiles and keeps the last good copy of each, so that an outage leaves the map standing. */
  function tileSource(layer, state) {
    const kept = new Map();
    async function load(key, signal) {
      try {
        const answer = await fetch(`/tiles/${layer}/${key}`, { signal, cache: "no-cache" });
        if (answer.status === 401) RiskMap.live.signedOut();
        if (!answer.ok) throw Object.assign(new Error(`tile ${layer}/${key}`), { status: answer.status });
        const data = await answer.arrayBuffer();
        kept.delete(key);
        kept.set(key, data);
        if (kept.size > KEPT_TILES) kept.delete(kept.keys().next().value);
        RiskMap.live.good();
        return data;
      } catch (error) {
        if (error.name === "AbortError") throw error;
        if (error.status && error.status !== 503) throw error;
        RiskMap.live.lost(!error.status);
        return kept.get(key) || new ArrayBuffer(0);
      }
    }
    return {
      async getZxy(z, x, y, signal) {
        if (!state.on.has(layer) || !RiskMap.past.drawn(layer)) return undefined;
        let data;
        let generation;
        do { // data that changed while it was on its way is asked for again
          generation = state.generation;
          const asked = RiskMap.themes.asking(layer) || (RECORDS.includes(layer) && RiskMap.past.query());
          data = await load(`${z}/${x}/${y}.mvt${asked ? `?${asked}` : ""}`, signal);
        } while (generation !== state.generation);
        return { data };
      },
    };
  }

  function tileLayer(state) {
    const sources = Object.fromEntries(
      LAYERS.map((name) => [name, { url: tileSource(name, state), levelDiff: 1, maxDataZoom: 17 }]));
    return protomapsL.leafletLayer({ sources, paintRules: RiskMap.rules.paint(state), attribution: "",
      labelRules: RiskMap.rules.labels(state), lang: document.documentElement.lang,
      tasks: [document.fonts.load(RiskMap.symbols.ICON_FONT, "\uf275")] });
  }

  function redraw(layer) {
    layer.clearLayout();
    layer.rerenderTiles();
  }

  function forget(layer, names = LAYERS) {
    for (const name of names) {
      const { tileCache } = layer.views.get(name);
      tileCache.cache.clear();
      tileCache.inflight.clear();
    }
  }

  /* The view stands in the address, so that a page turned to another language opens where it was. */
  function keepView(map) {
    const stated = /^#(\d+(?:\.\d+)?)\/(-?[\d.]+)\/(-?[\d.]+)$/.exec(location.hash);
    if (stated) map.setView([Number(stated[2]), Number(stated[3])], Number(stated[1]), { animate: false });
    map.on("moveend", () => {
      const { lat, lng } = map.getCenter();
      history.replaceState(null, "", `#${map.getZoom()}/${lat.toFixed(5)}/${lng.toFixed(5)}`);
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href*='lang=']");
      if (!link) return;
      const there = new URL(link.href);
      there.searchParams.set("map", RiskMap.map.state.scale);
      RiskMap.past.carry(RiskMap.themes.carry(there));
      there.hash = location.hash;
      link.href = there;
    });
  }

  /* On paper the view is as large as fits, with everything that is seen of it and always with its legend. */
  function fitPaper() {
    const stage = document.querySelector("body.map main");
    let legend;
    let closed = false;
    addEventListener("beforeprint", () => {
      legend = document.getElementById(RiskMap.themes.active() ? "themes" : "legend");
      closed = legend.hidden;
      legend.hidden = false;
      const { clientWidth: width, clientHeight: height } = stage;
      const zoom = Math.min(PAPER.width / width, PAPER.height / height);
      Object.assign(stage.style, { width: `${width}px`, height: `${height}px`, flex: "none", zoom });
    });
    addEventListener("afterprint", () => {
      stage.removeAttribute("style");
      legend.hidden = closed;
    });
    document.getElementById("map-print").addEventListener("click", () => print());
  }

  function listenForClicks(map) {
    let waiting;
    map.on("click", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => RiskMap.panel.identify(event.latlng, map.getZoom()), 220);
    });
    map.on("dblclick", () => clearTimeout(waiting));
  }

  RiskMap.start = (map, config) => {
    const state = {
      on: new Set(["base", ...config.on]),
      scale: RiskMap.which.first(config),
      shown: { rise: new Set([0, 1, 2, 3, 4]), base: new Set([0, 1, 2, 3, 4]) },
      colours: RiskMap.dom.levelColours(),
      /* The levels chosen in the legend of the map that is shown, a thing's level there, and its colour. */
      get levels() { return this.shown[this.scale]; },
      levelOf(props) {
        return RiskMap.past.active() ? RiskMap.past.levelOf(props, this.scale) : props[`${this.scale}_level`] || 0;
      },
      colourOf(level, scale = this.scale) { return scale === "rise" && level === 4 ? this.still : this.colours[level]; },
      letters: [null, ...Object.keys(RiskMap.dom.LEVELS).map((name) => config.texts[`level_short.${name}`])],
      grades: [null, ...[1, 2, 3, 4].map((grade) => config.texts[`map.grade_${grade}`])],
      own: config.own,
      generation: 0,
    };
    state.still = getComputedStyle(document.documentElement).getPropertyValue("--still").trim();
    RiskMap.t = (key, values = {}) =>
      (config.texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    RiskMap.word = (group, code) => (code ? config.texts[`${group}.${code}`] ?? code : "");

    const layer = tileLayer(state);
    RiskMap.map = {
      leaflet: map,
      state,
      records: RECORDS,
      refresh() {
        state.generation += 1;
        forget(layer);
        redraw(layer);
        RiskMap.themes.renew();
      },
      redraw: () => redraw(layer),
      /* Other records of some layers are shown. */
      refilter(names) {
        state.generation += 1;
        forget(layer, names);
        redraw(layer);
      },
      toggleLayer(name, on) {
        on ? state.on.add(name) : state.on.delete(name);
        forget(layer, [name]);
        redraw(layer);
      },
      toggleLevel(scale, level, on) {
        on ? state.shown[scale].add(level) : state.shown[scale].delete(level);
        redraw(layer);
      },
      /* The other map: the tiles hold the levels of both, so none is fetched. */
      show(scale) {
        state.scale = scale;
        redraw(layer);
        RiskMap.legend.tell();
        RiskMap.panel.relist();
      },
      /* The reader's whole area, beside the legend where that stands open. */
      home() {
        const bounds = L.latLngBounds(config.bounds);
        const card = document.querySelector("#legend:not([hidden]), #themes:not([hidden])");
        const phone = window.matchMedia(RiskMap.legend.PHONE).matches;
        const covered = !card || phone ? 0 : card.offsetWidth + 12;
        const room = map.getSize().multiplyBy(-CROPPED[phone ? "phone" : "desk"]).add([covered, 0]);
        const zoom = map.getBoundsZoom(bounds, false, room);
        const middle = map.project(bounds.getCenter(), zoom).subtract([covered / 2, 0]);
        map.setView(map.unproject(middle, zoom), zoom, { animate: false });
      },
    };
    L.control.scale({ imperial: false }).addTo(map);
    RiskMap.live.start();
    RiskMap.panel.start(config);
    RiskMap.search.start(config);
    RiskMap.legend.start(config);
    RiskMap.past.start(config);
    RiskMap.themes.start(config);
    RiskMap.which.start(config);
    RiskMap.map.home();
    keepView(map);
    const busy = (yes) => () => map.getContainer().setAttribute("aria-busy", String(yes));
    layer.on("loading", busy(true)).on("load", busy(false)).addTo(map);
    listenForClicks(map);
    fitPaper();
    if (config.show?.layer === "zone") RiskMap.legend.switchOn("zone");
    if (config.show) RiskMap.panel.show(config.show.layer, config.show.code, { fly: true });
  };
})();
