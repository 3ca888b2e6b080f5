/* Themes 专题图层: by committee, industry, hazard type, kind and period, filters of what scores consist of. Areas are shaded
   by the part of their score that is of the theme; sources and enterprises outside of it are left out. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const NAMES = ["committee", "industry", "hazard", "kind", "period"];
  const FILTERED = new Set(["source", "enterprise"]); // layers of records that a theme leaves records out of
  const HIGHEST = 5;
  const PAGE = 10000;
  let config;
  let card;
  let choices = null; // by dimension: [{value, label}]
  let asked;
  let told = null; // the answer for the level that is drawn
  const theme = { chosen: {}, by: "part", parts: {} };

  const active = () => NAMES.some((name) => theme.chosen[name]);
  const labelOf = (name, value) => choices?.[name].find((one) => one.value === value)?.label || value;
  const what = () => NAMES.filter((name) => theme.chosen[name]).map((name) => labelOf(name, theme.chosen[name])).join(" · ");
  const byWord = () => RiskMap.t(`themes.${theme.by}`);

  /* The filters, and the day of the past that is looked at, as an address has them. */
  function query(extra = {}) {
    const params = new URLSearchParams(extra);
    RiskMap.past.carry({ searchParams: params });
    for (const name of NAMES) if (theme.chosen[name]) params.set(name, theme.chosen[name]);
    return params.toString();
  }

  /* What a tile or a click of a layer is asked with besides. */
  const asking = (layer) => (active() && FILTERED.has(layer) ? query() : "");

  function carry(address) {
    for (const name of [...NAMES, "by"]) address.searchParams.delete(name);
    for (const name of NAMES) if (theme.chosen[name]) address.searchParams.set(name, theme.chosen[name]);
    if (active() && theme.by === "share") address.searchParams.set("by", "share");
    return address;
  }

  function readAddress() {
    const params = new URLSearchParams(location.search);
    for (const name of NAMES) if (params.get(name)) theme.chosen[name] = params.get(name);
    if (params.get("by") === "share") theme.by = "share";
  }

  /* The amount of one area: a number, null where it is not the reader's to see, undefined while nothing is known. */
  function amountOf({ kind, code }) {
    const found = theme.parts[kind]?.get(code);
    return found && found[theme.by];
  }

  async function pageOf(level, signal) {
    const items = [];
    let address = `/api/v1/themes?${query({ level, limit: PAGE })}`;
    let first = null;
    while (address) {
      const page = await RiskMap.dom.ask(address, signal);
      first ??= page;
      items.push(...page.items);
      address = page.next;
    }
    return { ...first, items };
  }

  const levelShown = () => RiskMap.legend.areaLevel(config, RiskMap.map.leaflet.getZoom());

  /* The parts of the areas drawn at this zoom, of coarser ones that stand in for them, and of the parks. */
  async function load() {
    asked?.abort();
    if (!active()) return;
    asked = new AbortController();
    const { signal } = asked;
    const shown = levelShown();
    const levels = RiskMap.legend.levelsDrawn(config).filter((level) => !theme.parts[level]);
    card.setAttribute("aria-busy", "true");
    try {
      choices ??= await RiskMap.dom.ask("/api/v1/themes/choices", signal);
      const pages = await Promise.all(levels.map((level) => pageOf(level, signal)));
      levels.forEach((level, i) => {
        theme.parts[level] = new Map(pages[i].items.map((one) => [one.code, one]));
        theme.parts[level].answer = pages[i];
      });
      told = theme.parts[shown].answer;
      fillChoices();
      if (levels.length) RiskMap.map.redraw();
      tell();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.offline || error.status === 503) RiskMap.live.lost(error.offline);
      tell(RiskMap.t("themes.failed", { detail: error.message }));
    }
    card.removeAttribute("aria-busy");
  }

  /* The data or the filters changed: nothing that was read before holds. */
  function renew() {
    theme.parts = {};
    told = null;
    tell();
    load();
  }

  function choose(changes) {
    Object.assign(theme.chosen, changes);
    history.replaceState(null, "", carry(new URL(location)));
    fillChoices();
    RiskMap.map.refilter([...FILTERED]);
    RiskMap.panel.refresh();
    renew();
  }

  const reset = () => choose(Object.fromEntries(NAMES.map((name) => [name, ""])));

  function shadeBy(by) {
    theme.by = by;
    history.replaceState(null, "", carry(new URL(location)));
    RiskMap.map.redraw();
    tell();
  }

  function fillChoices() {
    const { el } = RiskMap.dom;
    for (const name of NAMES) {
      const select = card.querySelector(`select[name="${name}"]`);
      const values = choices?.[name] || [];
      const own = theme.chosen[name];
      const extra = own && !values.some((one) => one.value === own) ? [{ value: own, label: own }] : [];
      select.replaceChildren(el("option", { value: "" }, RiskMap.t("themes.all")),
        ...[...values, ...extra].map((one) => el("option", { value: one.value }, one.label)));
      select.value = own || "";
      select.closest("label").classList.toggle("set", Boolean(own));
    }
  }

  function chips() {
    const { el } = RiskMap.dom;
    return NAMES.filter((name) => theme.chosen[name]).map((name) => {
      const label = labelOf(name, theme.chosen[name]);
      return el("button", { type: "button", class: "chip", "data-chip": name,
        "aria-label": RiskMap.t("themes.remove", { what: label }), onclick: () => choose({ [name]: "" }) },
      label, el("span", { "aria-hidden": "true" }, " ×"));
    });
  }

  const nothing = () => (told.items.some((one) => one.part > 0) ? null
    : RiskMap.dom.el("p", { class: "nothing" }, RiskMap.t("themes.nothing")));

  /* The areas that have most of it, to be opened from here. */
  function highest() {
    const { el } = RiskMap.dom;
    const { t, word } = RiskMap;
    const some = told.items.filter((one) => one[theme.by] > 0).sort((a, b) => b[theme.by] - a[theme.by]).slice(0, HIGHEST);
    if (!some.length) return [];
    return [el("h2", {}, t("themes.highest", { level: word("area_level", told.level) })),
      el("ol", { class: "highest" }, some.map((one) => el("li", {}, el("button", { type: "button",
        onclick: () => RiskMap.panel.show(told.level, one.code, { fly: true }) },
      el("span", {}, one.name), el("b", {}, RiskMap.themeScale.told(one[theme.by], theme.by))))))];
  }

  function wholeCity() {
    const { of } = told;
    if (!of || of.part === null) return null;
    const { told: say } = RiskMap.themeScale;
    return RiskMap.dom.el("p", { class: "theme-of" }, RiskMap.t("themes.of", { name: of.name, part: say(of.part, "part"),
      score: say(of.score, "part"), share: say(of.share ?? 0, "share") }));
  }

  /* The card: chips, what the shades mean, the whole city's part and the highest areas; or how to begin. */
  function tell(failure = null) {
    const { el } = RiskMap.dom;
    const { t } = RiskMap;
    const on = active();
    RiskMap.which.tell();
    RiskMap.legend.tell();
    document.getElementById("themes-toggle").setAttribute("aria-pressed", String(on));
    document.getElementById("which-chips").replaceChildren(...chips());
    document.getElementById("themes-reset").hidden = !on;
    document.getElementById("which-theme").hidden = !on;
    for (const button of card.querySelectorAll("[data-by]")) {
      button.setAttribute("aria-pressed", String(button.dataset.by === theme.by));
    }
    document.getElementById("themes-by").hidden = !on;
    const unseen = told?.items.some((one) => one.part === null);
    document.getElementById("themes-told").replaceChildren(...(failure ? [el("p", { class: "nothing" }, failure)]
      : !on ? [el("p", { class: "nothing" }, t("themes.choose"))]
        : !told ? [el("p", { class: "small" }, t("themes.loading"))]
          : [wholeCity(), nothing(), ...RiskMap.themeScale.legend(theme.by, unseen), ...highest()].filter(Boolean)));
  }

  /* The bars of an account in the panel: the score, or its part of the theme, by committee, kind and period. */
  function section(account) {
    const { el } = RiskMap.dom;
    const { t } = RiskMap;
    const { told: say, bars } = RiskMap.themeScale;
    const share = account.score ? account.part / account.score : 0;
    const picture = (name) => bars(t("themes.by", { by: t(`themes.${name}`) }), account.breakdown[name], account.part,
      (value) => choose({ [name]: value }));
    return el("section", { class: "theme-section" }, el("h3", {}, t("themes.composition")),
      active() ? el("p", { class: "theme-of" }, t("themes.part_of", { part: say(account.part, "part"),
        score: say(account.score, "part"), share: say(share, "share") })) : null,
      account.part > 0 ? ["committee", "kind", "period"].map(picture) : el("p", { class: "quiet" }, t("themes.no_lines")),
      el("p", { class: "small" }, t("themes.additive")));
  }

  function open(on) {
    card.hidden = !on;
    document.getElementById("themes-toggle").setAttribute("aria-expanded", String(on));
    if (!on) return;
    RiskMap.legend.open(false);
    if (choices) return;
    RiskMap.dom.ask("/api/v1/themes/choices").then((found) => {
      choices = found;
      fillChoices();
    }, (error) => tell(RiskMap.t("themes.failed", { detail: error.message })));
  }

  function start(given) {
    config = given;
    card = document.getElementById("themes");
    readAddress();
    document.getElementById("themes-toggle").addEventListener("click", () => open(card.hidden));
    document.getElementById("themes-close").addEventListener("click", () => open(false));
    for (const button of document.querySelectorAll("[data-reset-theme]")) button.addEventListener("click", reset);
    for (const select of card.querySelectorAll("select")) {
      select.addEventListener("change", () => choose({ [select.name]: select.value }));
    }
    for (const button of card.querySelectorAll("[data-by]")) button.addEventListener("click", () => shadeBy(button.dataset.by));
    RiskMap.map.leaflet.on("moveend", () => {
      if (active() && told?.level !== levelShown()) load();
    });
    tell();
    load();
    if (active() && !window.matchMedia(RiskMap.legend.PHONE).matches) open(true); // the card is the legend of its shades
  }

  RiskMap.themes = { active, asking, amountOf, byWord, carry, open, query, renew, section, start, theme, what };
})();
