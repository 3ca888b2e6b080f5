/* What one record is: its head, its facts, and the account of its score, line by line with clause and share. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const MICRO = 1e6;
  const persons = (value) => RiskMap.t("map.persons", { n: RiskMap.dom.number(value) });
  const decimal = (value) => RiskMap.dom.number(value, 3);

  /* By kind of record: the text's key, the field, and how it is written. Absent values leave no line. */
  const FACTS = {
    source: [["kind", "kind", "source_kind"], ["enterprise", "enterprise_name"], ["township", "township_name"],
      ["status", "status", "status"], ["s", "s", decimal], ["r", "r", decimal], ["alpha", "alpha", (alpha, record) => (record.s ? decimal(alpha) : null)],
      ["people_500m", "people_500m", persons], ["code", "code"]],
    enterprise: [["committee", "committee", "committee"], ["industry", "industry"], ["township", "township_name"],
      ["status", "status", "status"], ["workers", "workers", persons], ["dept", "dept_general"], ["code", "code"]],
    target: [["class", "target_class", "target_class"], ["place", "kind"], ["township", "township_name"],
      ["people_day", "people_day", persons], ["people_night", "people_night", persons], ["code", "code"]],
    resource: [["kind", "kind", "resource_kind"], ["township", "township_name"], ["code", "code"]],
    zone: [["members", "member_count", (n) => RiskMap.t("zones.members_n", { n })], ["lead", "lead_name"],
      ["responsible", "responsible", "zone_responsible"], ["zone_kinds", "kinds", (kinds) => kinds.map((one) => RiskMap.word("zone_link", one)).join(" · ")],
      ["people", "people", persons], ["code", "code"]],
    area: [["people", "people", persons], ["township", "township_name"], ["code", "code"]],
  };

  function value(record, field, how) {
    const raw = record[field];
    if (raw === null || raw === undefined || raw === "") return null;
    if (typeof how === "function") return how(raw, record);
    return how ? RiskMap.word(how, raw) : String(raw);
  }

  function facts(kind, record) {
    const { el } = RiskMap.dom;
    const rows = (FACTS[kind] || FACTS.area).map(([key, field, how]) => [key, value(record, field, how)]);
    return el("dl", { class: "facts" }, rows.filter(([, text]) => text !== null).map(
      ([key, text]) => el("div", {}, el("dt", {}, RiskMap.t(`map.${key}`)), el("dd", {}, text))));
  }

  /* Name, both risks with their scales, grade with its scale, the current risk, confidence beside it, and whether the
     record is made up. */
  function head(kind, record) {
    const { el, levelPill, number } = RiskMap.dom;
    const { t, word } = RiskMap;
    const graded = kind !== "target" && kind !== "resource";
    return el("div", { class: "panel-head" },
      el("p", { class: "panel-kind" }, word("layer", kind) === kind ? word("area_level", kind) : word("layer", kind),
        record.synthetic ? el("span", { class: "synthetic", title: t("app.synthetic_about") }, t("app.synthetic")) : null),
      el("h2", { class: "panel-name", tabindex: "-1" }, record.name),
      graded ? el("div", { class: "panel-levels" },
        levelPill(record.base_level, "base", { points: record.base_score }),
        record.rise_level ? levelPill(record.rise_level, "rise", { points: record.rise }) : null,
        record.grade ? el("span", { class: "pill grade" }, el("span", { class: "pill-scale" }, t("scale.major")),
          el("b", {}, t(`grade.${record.grade}`))) : null) : null,
      graded && typeof record.score === "number" ? el("p", { class: "panel-score" },
        el("strong", {}, number(record.score, 1, 1)), " ", t("map.points"), " ",
        levelPill(record.level, "now"),
        record.confidence ? el("span", { class: "confidence" }, t("map.confidence", { value: record.confidence })) : null)
        : null,
      graded ? held(record) : null);
  }

  function line(entry, largest, total) {
    const { el, number } = RiskMap.dom;
    const filled = el("span", { class: "track-fill" });
    filled.style.width = `${largest ? (100 * Math.abs(entry.value)) / largest : 0}%`;
    const percent = total > 0 && entry.value > 0 ? (100 * entry.value) / total : null;
    const share = percent === null ? "" : RiskMap.t("map.share", { value: percent < 1 ? "<1" : number(percent) });
    const amount = entry.value > 0 && entry.value < 0.005 ? "<0.01" : number(entry.value, 2, 2);
    return el("li", { class: `line ${entry.value < 0 ? "credit" : ""} ${entry.value === 0 ? "zero" : ""}`,
        "data-value": entry.value, "data-since": entry.since, "data-until": entry.until },
      el("div", { class: "line-top" }, el("b", {}, entry.label),
        el("span", { class: "line-value" }, `${entry.value > 0 ? "+" : ""}${amount}`)),
      entry.value === 0 ? null : el("div", { class: "track" }, el("span", { class: "track-room" }, filled), el("small", {}, share)),
      el("p", { class: "line-reason" }, entry.reason || (entry.value === 0 ? RiskMap.t("map.explain_zero") : ""), link(entry)));
  }

  const PAGES = { danger: "/dangers?state=all&text=", event: "/events?code=", sensor: "/events?sensor=" };

  /* A line's record opens beside it where the map can show it, else on its page. */
  function link(entry) {
    const { el } = RiskMap.dom;
    const [layer, code] = (entry.record || "").split("/");
    if (!code) return null;
    if (layer in PAGES) return el("a", { class: "link", href: PAGES[layer] + encodeURIComponent(code) }, code);
    if (!["source", "enterprise", "target"].includes(layer)) return null;
    return el("button", { type: "button", class: "link",
      onclick: () => RiskMap.panel.show(layer, code, { fly: true }) }, code);
  }

  /* A colour rises at once and falls when the score has been clear of the edge long enough: what is held, until when. */
  function held({ level, level_held: shown, held_until: until }) {
    if (!shown || shown === level) return null;
    const { el, levelPill } = RiskMap.dom;
    return el("p", { class: "held" }, levelPill(shown, "held"), " ", el("small", {}, until
      ? RiskMap.t("map.held_until", { time: until.slice(0, 16).replace("T", " ") }) : RiskMap.t("map.held_near")));
  }

  /* Beside the level, never in it: does the colour hang on one weight of ours? */
  function stability(found) {
    if (!found) return null;
    const { el } = RiskMap.dom;
    const { t } = RiskMap;
    const turn = ({ label, percent, to }) => el("li", {}, t("map.flip", { weight: label,
      percent: percent > 0 ? `+${percent}` : `−${-percent}`, level: t(`level.${to}`) }));
    const scales = ["base_level", "level"].filter((scale) => found[scale]);
    const said = (scale) => t(`map.stability_${scale}`) + (found[scale].stable ? t("map.stable")
      : t("map.unstable", { n: found[scale].flips_with.length }));
    if (!scales.length) return null;
    return el("details", { class: "stability" },
      el("summary", {}, `${t("map.stability")}${scales.map(said).join(t("map.and"))}`),
      el("p", { class: "small" }, t("map.stability_about", { n: found.weights, edition: found.edition })),
      scales.filter((scale) => !found[scale].stable).map((scale) => [el("b", {}, t(`map.stability_${scale}`)),
        el("ul", {}, found[scale].flips_with.map(turn))]).flat());
  }

  const GROUPS = ["items", "sources", "members", "domino", "dynamic", "exposure", "rules"];

  /* The lines by what they are about, each group under its heading with its sum. */
  function grouped(lines, one) {
    const { el, number } = RiskMap.dom;
    return GROUPS.map((group) => [group, lines.filter((entry) => entry.group === group)])
      .filter(([, own]) => own.length)
      .flatMap(([group, own]) => {
        const sum = own.reduce((total, entry) => total + Math.round(entry.value * MICRO), 0) / MICRO;
        return [el("h4", { "data-group": group }, RiskMap.t(`account_group.${group}`),
          group === "rules" ? null : el("span", {}, number(sum, 2, 2))), el("ol", {}, own.map(one))];
      });
  }

  /* The account of a score; with `narrow` only what is of the theme looked at. */
  function account(explained, narrow) {
    const { el, number } = RiskMap.dom;
    const { t } = RiskMap;
    const lines = [...explained.contributions].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const largest = lines.length ? Math.abs(lines[0].value) : 0;
    const sum = lines.reduce((total, entry) => total + Math.round(entry.value * MICRO), 0) / MICRO;
    return el("section", { class: "account", "data-sum": sum },
      stability(explained.stability), el("h3", {}, t(narrow ? "themes.lines" : "map.explain")),
      lines.length ? grouped(lines, (entry) => line(entry, largest, explained.score))
        : el("p", { class: "quiet" }, t(narrow ? "themes.no_lines" : "map.explain_none")),
      lines.length ? el("p", { class: "sum" }, t(narrow ? "themes.sum" : "map.explain_sum",
        { value: number(sum, 2, 2), score: number(explained.score, 2, 2) })) : null);
  }

  RiskMap.account = { head, facts, account };
})();
