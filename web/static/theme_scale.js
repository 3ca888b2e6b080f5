/* One hue, six shades, fixed edges: how much of a score is of a theme. Never the four colours, which are of scores alone,
   and never quantiles, or a city could not improve. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const EDGES = { part: [0, 1, 5, 10, 20, 40], share: [0, 0.05, 0.2, 0.4, 0.6, 0.8] };
  const UNSEEN = "#b4bbc6";
  const ALPHA = 0.78;

  const shades = () => {
    const style = getComputedStyle(document.documentElement);
    return EDGES.part.map((_, i) => style.getPropertyValue(`--theme-${i + 1}`).trim());
  };
  let colours = [];

  /* Which of the six shades an amount has; −1 for nothing. */
  function step(amount, by) {
    if (!(amount > 0)) return -1;
    return EDGES[by].findLastIndex((edge) => amount > edge || (edge > 0 && amount >= edge));
  }

  const shade = (amount, by) => {
    colours = colours.length ? colours : shades();
    return amount === null ? UNSEEN : colours[step(amount, by)];
  };

  const ink = (amount, by) => (step(amount, by) >= 3 ? "#fff" : "#2d0a33");

  /* Points or percent as they are read; what is too small for a decimal does not read as none. */
  function told(amount, by) {
    const value = by === "share" ? 100 * amount : amount;
    const digits = by === "share" ? 0 : 1;
    const least = by === "share" ? 1 : 0.1;
    return (value > 0 && value < least ? `<${least}` : RiskMap.dom.number(value, digits, digits)) + (by === "share" ? "%" : "");
  }

  /* The legend of a scale: its name, its shades with their edges, and what nothing and not to be seen look like. */
  function legend(by, anyUnseen) {
    const { el } = RiskMap.dom;
    const { t } = RiskMap;
    const edges = EDGES[by].map((edge) => (by === "share" ? Math.round(100 * edge) : edge));
    const range = (i) => (i === 0 ? `< ${edges[1]}` : i === edges.length - 1 ? `≥ ${edges[i]}` : `${edges[i]}–${edges[i + 1]}`);
    const row = (name, text) => el("li", {}, el("span", { class: `shade ${name}`, "aria-hidden": "true" }, el("i")), text);
    return [el("h2", {}, t(`themes.legend_${by}`)),
      el("ul", { class: "shades" },
        edges.map((_, i) => row(`of-${edges.length - i}`, t(by === "share" ? "themes.percent" : "themes.points",
          { range: range(edges.length - 1 - i) }))),
        row("of-0", t("themes.zero")), anyUnseen ? row("not-yours", t("themes.unseen")) : null)];
  }

  /* A small bar picture: the largest parts, each with its amount; `choose` is called with the value that was clicked. */
  function bars(title, rows, whole, choose, most = 6) {
    const { el } = RiskMap.dom;
    const { t } = RiskMap;
    const some = rows.filter((one) => one.part > 0);
    const rest = some.slice(most).reduce((sum, one) => sum + one.part, 0);
    const bar = (part) => {
      const fill = el("span", { class: "theme-fill" });
      fill.style.width = `${(100 * part) / whole}%`;
      return el("span", { class: "theme-track" }, fill);
    };
    const row = (one) => el("li", { "data-value": one.value, "data-part": one.part }, el("button", { type: "button",
        title: t("themes.filter_by", { what: one.label }), onclick: () => choose(one.value) },
      el("span", { class: "theme-label" }, one.label), bar(one.part),
      el("span", { class: "theme-amount" }, told(one.part, "part"))));
    return el("div", { class: "theme-bars" }, el("h4", {}, title), el("ul", {}, some.slice(0, most).map(row),
      some.length > most ? el("li", { class: "rest" }, el("span", { class: "theme-label" },
        t("themes.rest", { n: some.length - most })), bar(rest), el("span", { class: "theme-amount" }, told(rest, "part"))) : null));
  }

  RiskMap.themeScale = { ALPHA, shade, ink, told, legend, bars };
})();
