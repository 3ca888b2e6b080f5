/* Our own base layer for the Leaflet map of any page and, where asked for, layers of records on it. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  /* `letters` and `grades` are the words in the symbols, by number; a page that draws records says their scale. Records
     are coloured by inherent risk. */
  RiskMap.ground = (records = [], { letters = [], grades = [] } = {}) => {
    const names = ["base", ...records];
    const state = { on: new Set(names), levels: new Set(records.length ? [0, 1, 2, 3, 4] : []), letters, grades, own: null,
      scale: "base", colours: RiskMap.dom.levelColours(), levelOf: (props) => props.base_level || 0,
      colourOf: (level) => state.colours[level] };
    const drawn = (rule) => names.includes(rule.dataSource);
    const source = (name) => ({ url: `/tiles/${name}/{z}/{x}/{y}.mvt`, levelDiff: 1, maxDataZoom: 17 });
    return protomapsL.leafletLayer({ sources: Object.fromEntries(names.map((name) => [name, source(name)])),
      paintRules: RiskMap.rules.paint(state).filter(drawn), labelRules: RiskMap.rules.labels(state).filter(drawn),
      attribution: "", lang: document.documentElement.lang,
      tasks: records.length ? [document.fonts.load(RiskMap.symbols.ICON_FONT, "\uf275")] : [] });
  };
})();
