// Keeps an open page honest: says when its data are old, the worker stands still, or the server is away.
"use strict";
(() => {
  const strip = document.querySelector(".strip");
  const banner = (name, shown) => {
    const box = document.querySelector(`[data-banner="${name}"]`);
    if (box) box.hidden = !shown;
  };
  const clock = (iso) => iso.slice(0, 16).replace("T", " "); // the server's own clock, as the page writes it

  async function refreshStrip() {
    let response;
    try {
      response = await fetch("/status", { headers: { accept: "application/json" } });
    } catch {
      banner("offline", true);
      return;
    }
    banner("offline", false);
    banner("away", response.status === 503);
    if (response.status === 401) location.assign("/login");
    if (!response.ok) return;
    const state = await response.json();
    banner("worker", !state.worker);
    const watch = document.querySelector('[data-banner="watch"]');
    if (watch) watch.textContent = state.troubles;
    banner("watch", state.troubles !== "");
    const values = { rev: state.rev, version: state.version, edition: state.edition, data_time: state.data_time && clock(state.data_time) };
    for (const [name, value] of Object.entries(values)) {
      const place = strip && strip.querySelector(`[data-status="${name}"]`);
      if (place && value) place.textContent = value;
    }
  }

  function onChange(event) {
    const news = JSON.parse(event.data);
    document.dispatchEvent(new CustomEvent("riskmap:change", { detail: news }));
    if (document.body.classList.contains("wall")) {
      if (!news.events) location.reload(); // it shows levels, and sensors may report every second
      return;
    }
    const offer = strip && strip.querySelector(".fresh");
    const shown = !news.events || location.pathname === "/events"; // readings come every minute and stand nowhere else
    if (offer && shown && (news.changes.length || news.more)) offer.hidden = false;
    refreshStrip();
  }

  // One connection while the page is looked at: a browser keeps only six to one server.
  let source = null;
  function open() {
    if (source || document.hidden || document.body.classList.contains("map")) return; // the map has its own
    source = new EventSource("/stream");
    source.addEventListener("open", () => banner("offline", false));
    source.addEventListener("hello", () => banner("away", false));
    source.addEventListener("change", (event) => { banner("away", false); onChange(event); });
    source.addEventListener("away", () => banner("away", true));
    source.addEventListener("signed-out", () => location.assign("/login"));
    source.addEventListener("error", refreshStrip);
  }
  function close() {
    if (source) source.close();
    source = null;
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else { open(); refreshStrip(); }
  });
  addEventListener("pagehide", close);
  open();
  setInterval(() => { if (!document.hidden) refreshStrip(); }, 30000);

  const here = document.querySelector("nav [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 60;

  for (const select of document.querySelectorAll(".filter select")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.user[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
})();
