/* An open desk or phone page: clocks run from the server's time, news comes in by itself, and what a person is in the
   middle of writing is never taken away. */
"use strict";
(() => {
  const config = JSON.parse(document.getElementById("desk-config").textContent);
  const SETTLE_MS = 400;
  const TURN_MS = 1000;
  let ahead = config.now - Date.now(); // how far the server's clock is from this one
  const desk = () => document.getElementById("desk");
  const two = (n) => String(n).padStart(2, "0");

  /* Minutes and seconds below an hour, then hours and minutes, then days and hours. */
  function length(seconds) {
    const s = Math.floor(Math.abs(seconds));
    if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
    if (s < 86400) return `${Math.floor(s / 3600)} ${config.hour} ${Math.floor((s % 3600) / 60)} ${config.minute}`;
    return `${Math.floor(s / 86400)} ${config.day} ${Math.floor((s % 86400) / 3600)} ${config.hour}`;
  }

  /* How long ago, in seconds or minutes below an hour. */
  const age = (seconds) => (seconds < 60 ? `${Math.max(0, Math.floor(seconds))} ${config.second}`
    : seconds < 3600 ? `${Math.floor(seconds / 60)} ${config.minute}` : length(seconds));

  function run() {
    const now = (Date.now() + ahead) / 1000;
    for (const clock of document.querySelectorAll(".clock[data-by]")) {
      const left = Number(clock.dataset.by) - now;
      clock.classList.toggle("late", left < 0);
      clock.querySelector("[data-word]").textContent = left < 0 ? config.over : config.left;
      clock.querySelector("[data-run]").textContent = length(left);
      clock.querySelector("[data-waited]").textContent = length(now - Number(clock.dataset.since));
    }
    for (const time of document.querySelectorAll("[data-ago]")) {
      time.textContent = config.ago.replace("{time}", age(now - Number(time.dataset.ago)));
    }
  }

  /* Whoever has opened a form or begun to write is not to be interrupted. */
  const busy = () => [...desk().querySelectorAll(".step[open], .promise[open]")].length > 0;

  /* What is open stays open, and where the page stands it stays. */
  async function refresh() {
    const answer = await fetch(location.pathname + location.search.replace(/[?&](done|about)=[^&]*/g, ""),
      { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("desk");
    if (!fresh) return;
    if (busy()) { offer(); return; }
    for (const box of desk().querySelectorAll("details[data-keep]")) {
      const same = fresh.querySelector(`details[data-keep="${box.dataset.keep}"]`);
      if (same) same.open = box.open;
    }
    ahead = JSON.parse(page.getElementById("desk-config").textContent).now - Date.now();
    desk().replaceWith(fresh);
    document.querySelector(".strip .fresh")?.setAttribute("hidden", "");
    run();
    read();
  }

  function offer() {
    if (document.querySelector(".fresh-line")) return;
    const line = document.createElement("button");
    line.type = "button";
    line.className = "fresh-line";
    line.textContent = config.refresh;
    line.addEventListener("click", () => location.assign(location.pathname));
    desk().before(line);
  }

  /* A person's own page proves that its warnings were read: once each, and only while somebody looks. */
  const told = new Set();
  function read() {
    if (!desk().hasAttribute("data-reads") || document.hidden) return;
    const ids = [...desk().querySelectorAll(".warning[data-id]")].map((one) => one.dataset.id).filter((id) => !told.has(id));
    if (!ids.length) return;
    ids.forEach((id) => told.add(id));
    fetch("/phone/read", { method: "POST", headers: { "x-csrf-token": document.body.dataset.csrf },
      body: new URLSearchParams({ ids: ids.join(",") }) }).catch(() => ids.forEach((id) => told.delete(id)));
  }

  let settle;
  document.addEventListener("riskmap:change", (event) => {
    if (event.detail.events) return; // sensors report every second: a warning comes with a revision of its own
    clearTimeout(settle);
    settle = setTimeout(refresh, SETTLE_MS);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { read(); refresh(); } });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".by-township select")) event.target.form.requestSubmit();
  });
  document.querySelector("[data-refused]")?.focus();
  setInterval(run, TURN_MS);
  run();
  read();
})();
