/* Which of the two maps is shown: what has risen, or inherent risk. One switch; they are never mixed. The choice stands
   in the address, and is the first thing seen the next time. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const KEPT_AS = "riskmap.map";
  const SCALES = ["rise", "base"];
  let status = {};

  function kept() {
    try {
      return localStorage.getItem(KEPT_AS);
    } catch {
      return null; // a browser may forbid to keep anything
    }
  }

  function keep(scale) {
    try {
      localStorage.setItem(KEPT_AS, scale);
    } catch { /* then it stands in the address alone */ }
    const address = new URL(location);
    address.searchParams.set("map", scale);
    history.replaceState(null, "", address);
  }

  /* The map to begin with: the address's, the one looked at last, else what has risen. */
  const first = (config) => [config.map, kept()].find((one) => SCALES.includes(one)) || SCALES[0];

  const clock = (instant) => instant.slice(0, 16).replace("T", " ");

  /* What stands under the title: of which edition and which instant this map is. */
  function tell(now = status) {
    status = now;
    const { t } = RiskMap;
    const { scale } = RiskMap.map.state;
    const state = status.approved_by
      ? t("map.approved_on", { by: status.approved_by, on: status.approved_on || t("map.approved") }) : t("map.proposed");
    const time = status.data_time && clock(status.data_time);
    const { past, themes } = RiskMap;
    const then = past.about();
    document.getElementById("which-about").textContent = !time ? t("map.no_level")
      : themes.active() ? t("themes.caption", { what: themes.what(), by: themes.byWord(), data_time: then ? clock(then.data_time) : time })
        : past.active() ? then && t(`past.map_caption_${scale}`, { edition: then.edition, data_time: clock(then.data_time) })
          : t(`map.caption_${scale}`, { edition: status.edition, state, data_time: time });
    document.getElementById("which-calm").hidden = past.active() || themes.active() || scale !== "rise" || status.risen !== false;
    for (const button of document.querySelectorAll("[data-map]")) {
      button.setAttribute("aria-pressed", String(button.dataset.map === scale));
    }
    for (const part of document.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== scale;
  }

  function start(config) {
    for (const button of document.querySelectorAll("[data-map]")) {
      button.addEventListener("click", () => {
        RiskMap.map.show(button.dataset.map);
        keep(button.dataset.map);
        tell();
      });
    }
    keep(RiskMap.map.state.scale);
    tell(config.status);
  }

  RiskMap.which = { first, tell, start };
})();
