/* The line to the server: news of the data redraws the map, and a lost line is told instead of shown as an empty map.
   The banners are the page's (app.js shows and hides them too); what they say here is how old the map's data are. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const SETTLE_MS = 400;
  const RETRY_MS = 3000;
  let stream = null;
  let rev = 0; // the newest revision that the map has been drawn with or is about to be
  let away = false;
  let retry;
  let settle;

  const banner = (name) => document.querySelector(`[data-banner="${name}"]`);

  /* Data came: until the next time, this is the moment of the map's last data. */
  function good() {
    if (away) return;
    const time = RiskMap.dom.clock(new Date());
    banner("away").textContent = RiskMap.t("map.lost", { time });
    banner("offline").textContent = RiskMap.t("map.offline", { time });
  }

  /* No data: `offline` where not even the server answered. Asks again until it does. */
  function lost(offline = false) {
    clearTimeout(retry);
    retry = setTimeout(probe, RETRY_MS);
    away = true;
    banner("away").hidden = offline;
    banner("offline").hidden = !offline;
  }

  async function probe() {
    try {
      const answer = await fetch("/status", { cache: "no-store" });
      if (!answer.ok) throw Object.assign(new Error("status"), { status: answer.status });
    } catch (error) {
      lost(!error.status);
      return;
    }
    away = false;
    banner("away").hidden = true;
    banner("offline").hidden = true;
    open();
    draw();
  }

  function draw() {
    RiskMap.map.refresh();
    RiskMap.panel.refresh();
    RiskMap.warnings.refresh();
    fillStrip();
  }

  /* News: told by a change, or on connecting by a number that is not the map's. */
  function news(event) {
    const told = JSON.parse(event.data);
    if (told.rev === rev) return;
    rev = told.rev;
    if (event.type === "change" && told.events) return; // sensors report every second: the map shows none of it
    clearTimeout(settle);
    const first = document.getElementById("empty"); // the first data: the page opens anew, on its place
    settle = setTimeout(first ? () => location.reload() : draw, SETTLE_MS);
  }

  async function fillStrip() {
    const state = await RiskMap.dom.ask("/status").catch(() => ({}));
    if (state.run_id) RiskMap.which.tell(state);
    for (const place of document.querySelectorAll(".strip [data-status]")) {
      const value = state[place.dataset.status];
      if (value) place.textContent = place.dataset.status === "data_time" ? value.slice(0, 16).replace("T", " ") : value;
    }
  }

  function signedOut() {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  /* One connection while the page is looked at: a browser keeps only six to one server. */
  function open() {
    if (document.hidden || (stream && stream.readyState !== EventSource.CLOSED)) return;
    stream = new EventSource("/stream");
    stream.addEventListener("hello", news);
    stream.addEventListener("change", news);
    stream.addEventListener("away", () => lost());
    stream.addEventListener("signed-out", signedOut);
    stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && lost());
  }

  function close() {
    stream?.close();
    stream = null;
  }

  function start() {
    rev = Number(document.querySelector(".strip").dataset.rev);
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    RiskMap.warnings.refresh();
    open();
  }

  RiskMap.live = { start, good, lost, signedOut };
})();
