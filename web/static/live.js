/* The line to the server: news of the data redraws the map, and a lost line is told instead of shown as an empty map.
   The page's own script (app.js) listens to the event stream and shows the banners; this one says what the map holds. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const SETTLE_MS = 400;
  const RETRY_MS = 5000;
  let lastGood = null;
  let away = false;
  let retry;
  let settle;

  const banners = () => ["away", "offline"].map((name) => document.querySelector(`[data-banner="${name}"]`));

  function lost(offline = false) {
    clearTimeout(retry);
    retry = setTimeout(probe, RETRY_MS);
    if (away) return;
    away = true;
    const { t, dom } = RiskMap;
    const [database, line] = banners();
    const time = lastGood && dom.clock(lastGood);
    database.textContent = time ? t("map.lost", { time }) : t("map.lost_never");
    line.textContent = time ? t("map.offline", { time }) : t("map.lost_never");
    (offline ? line : database).hidden = false;
  }

  function good() {
    if (!away) lastGood = new Date();
  }

  /* Asks until the server answers with data again, then draws everything anew. */
  async function probe() {
    try {
      const answer = await fetch("/status", { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      retry = setTimeout(probe, RETRY_MS);
      return;
    }
    away = false;
    lastGood = new Date();
    banners().forEach((box) => { box.hidden = true; });
    RiskMap.map.refresh();
    RiskMap.panel.refresh();
  }

  function changed() {
    clearTimeout(settle);
    settle = setTimeout(() => {
      RiskMap.map.refresh();
      RiskMap.panel.refresh();
    }, SETTLE_MS);
  }

  function signedOut() {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  function start() {
    document.addEventListener("riskmap:change", changed);
  }

  RiskMap.live = { start, lost, good, signedOut };
})();
