/* The badge on the map: how many warnings are open and how high the highest is; news changes it without a reload. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const ADDRESS = "/api/v1/alerts?open=true&limit=1";
  let known = null;

  async function refresh() {
    const badge = document.getElementById("warnings");
    const found = await RiskMap.dom.ask(ADDRESS).catch(() => null);
    if (!found) return; // the banner tells of a lost line
    const { t, word } = RiskMap;
    const [first] = found.items;
    badge.hidden = !found.total;
    badge.querySelector("b").textContent = found.total;
    badge.dataset.warn = first ? first.warn : "";
    badge.querySelector("small").textContent = first ? `${t("alerts.badge_highest")} ${word("warning_level", first.warn)}` : "";
    const more = known !== null && found.total > known;
    badge.classList.toggle("new", more);
    if (more) document.getElementById("warnings-said").textContent = t("alerts.badge_new");
    known = found.total;
  }

  RiskMap.warnings = { refresh };
})();
