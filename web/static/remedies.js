/* 怎样降级: the way from a record in the panel to the actions that would lower its level. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  /* Nothing where the level is low already, or where the reader sees no more than the level. */
  function link(kind, record) {
    if (!record.level || record.level === "blue" || typeof record.score !== "number") return null;
    return RiskMap.dom.el("a", { class: "button way-down", href: `/actions/${kind}/${encodeURIComponent(record.code)}` },
      RiskMap.t("remedies.button"));
  }

  RiskMap.remedies = { link };
})();
