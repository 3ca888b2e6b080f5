/* A verdict as people read it: the scale of four outcomes, the rules against it first, figures with their limits. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const { el, number } = RiskMap.dom;
  const t = (key, values) => RiskMap.t(`siting.${key}`, values);
  const AGAINST = ["veto", "not_in_principle", "study_required", "not_on_file"];

  const figure = (value) => (value === null || value === undefined ? "—" : number(value, 3));
  const outcome = (word) => el("b", { class: `outcome o-${word}` }, RiskMap.word("siting_outcome", word));
  const isAgainst = (row) => AGAINST.includes(row.outcome);
  const hasWay = (row) => row.line && JSON.stringify(row.line.coordinates[0]) !== JSON.stringify(row.line.coordinates.at(-1));

  /* What a rule is called: its text and what it measures to, else what kind of rule it is. */
  function ruleName(row) {
    const [kind, name] = row.rule.split(".");
    if (kind === "consequence" && RiskMap.distances[name]) return [RiskMap.distances[name], row.clause_text || row.clause].filter(Boolean).join(" · ");
    const named = RiskMap.word("siting", `rule_${kind}`);
    const what = document.documentElement.lang === "en" ? "" : row.object_zh;
    return [row.clause_text || row.clause || (named === `rule_${kind}` ? row.rule : named), what].filter(Boolean).join(" · ");
  }

  const kindOf = (kind) => ["source_kind", "development_kind", "target_class"].map((group) => RiskMap.word(group, kind)).find((word) => word !== kind) || kind;

  const limitOf = (row) => (row.limit === null || row.limit === undefined
    ? [row.outcome === "not_on_file" ? t("limit_unknown") : "—"]
    : [figure(row.limit), row.inclusive === null ? null : el("small", {}, t(row.inclusive ? "limit_in" : "limit_out"))]);

  function line(row, n, shown) {
    const cell = (label, ...content) => el("td", { "data-label": t(label), class: ["measured", "limit", "margin"].includes(label) ? "n" : null },
      el("span", {}, ...content));
    const name = row.object ? row.object.name || row.object.code || kindOf(row.object.kind) || "—" : "—";
    const badge = n ? el("span", { class: "way-no" }, String(n)) : null;
    const button = shown && hasWay(row) ? el("button", { type: "button", class: "plain small", onclick: () => shown(row) }, t("on_map")) : null;
    return el("tr", {},
      el("td", { "data-label": t("outcome") }, badge, outcome(row.outcome), el("small", {}, row.why)),
      cell("clause", ruleName(row), row.basis && row.basis !== row.clause ? el("small", {}, row.basis_text || row.basis) : null,
        el("small", {}, `${t("dated", { day: row.basis_date })} · ${t(row.direction === "development" ? "of_development" : "of_facility")}`)),
      cell("object", name, button ? " " : null, button),
      cell("measured", figure(row.measured)), cell("limit", ...limitOf(row)), cell("margin", figure(row.margin)));
  }

  function table(rows, { numbered = new Map(), shown = null } = {}) {
    const heads = ["outcome", "clause", "object", "measured", "limit", "margin"];
    return el("table", { class: "rows rules" }, el("thead", {}, el("tr", {}, heads.map((name) => el("th", {},
      ["measured", "limit", "margin"].includes(name) ? `${t(name)} (m)` : t(name))))),
    el("tbody", {}, rows.map((row) => line(row, numbered.get(row), shown))));
  }

  /* The whole answer. `shown(row)` is asked to show a rule's way on the map; returns the numbered ways. */
  function verdict(box, answer, shown) {
    const against = answer.rules.filter(isAgainst);
    const others = answer.rules.filter((row) => !isAgainst(row));
    const numbered = new Map(against.filter(hasWay).map((row, n) => [row, n + 1]));
    const first = answer.rules.find((row) => row.rule === answer.binding);
    const parts = [
      first ? el("p", { class: "binding" }, `${t("decided_by")}：`, el("b", {}, ruleName(first)), ` · ${first.why}`) : null,
      ...answer.sensitivity.map((one) => el("p", { class: "hint" }, t("sensitivity", { class: one.class_text, level: one.level }),
        one.assumed ? ` · ${t("assumed")}` : null)),
      answer.complete || first?.rule === "coverage" ? null : el("p", { class: "problem" }, t("incomplete", { why: answer.rules.find((row) => row.rule === "coverage")?.why || "" })),
      against.length ? el("h2", {}, t("against", { n: against.length })) : el("p", { class: "done" }, t("none_against")),
      against.length ? table(against, { numbered, shown }) : null,
      others.length ? el("details", { class: "kept-rules" }, el("summary", {}, t("kept", { n: others.length })), table(others, { shown })) : null,
      answer.rules_total > answer.rules.length ? el("p", { class: "note" }, t("more_rules", { n: answer.rules_total, shown: answer.rules.length })) : null,
      el("p", { class: "note" }, t("took", { s: number(answer.duration_s, 2), time: answer.data.time.slice(0, 16).replace("T", " "), edition: answer.editions.edition })),
    ];
    const open = box.querySelector(".kept-rules")?.open;
    box.replaceChildren(...parts.filter(Boolean));
    if (open) box.querySelector(".kept-rules")?.setAttribute("open", "");
    return numbered;
  }

  RiskMap.rows = { t, figure, outcome, ruleName, verdict };
})();
