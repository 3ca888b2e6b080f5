/* The map of a past day: areas have the colours they had at its end, on both maps, and the panel explains those. Records
   stand where they stood then, once the day is computed; joint-control zones are left out. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const PLURALS = { township: "townships", village: "villages", grid: "grids", overlay: "overlays" };
  const PAGE = 1000;
  const DAY_MS = 24 * 3600 * 1000;
  const PAST_DAY = /^\d{4}-\d{2}-\d{2}$/;
  let config;
  let bar;
  let day = null;
  let told = {}; // by level: code → item
  let asked;

  const active = () => day !== null;
  const today = () => new Date(Date.now() + 8 * 3600 * 1000).toISOString().slice(0, 10); // the city's own clock
  const shifted = (from, days) => new Date(Date.parse(from) + days * DAY_MS).toISOString().slice(0, 10);

  /* What an address asks of the past; nothing for now. */
  const query = () => (active() ? `as_of=${day}` : "");

  function carry(address) {
    address.searchParams.delete("as_of");
    if (active()) address.searchParams.set("as_of", day);
    return address;
  }

  /* Whether the tiles of a layer can be asked for: those of records of a day only once it is computed. */
  const drawn = (layer) => !active() || (layer !== "zone" && (!RiskMap.map.records.includes(layer) || !!told.township));

  /* What was told of an area on that day; nothing of a record, which says itself what it was. */
  const itemOf = ({ kind, code }) => (kind in PLURALS ? told[kind]?.get(code) ?? {} : null);

  /* The level number of anything drawn on that day; 0: none, or not read yet. */
  function levelOf(props, scale) {
    const item = itemOf(props);
    return item ? RiskMap.dom.LEVELS[item[`${scale}_level`]] || 0 : props[`${scale}_level`] || 0;
  }

  async function itemsOf(level, signal) {
    const items = [];
    let address = `/api/v1/${PLURALS[level]}?${query()}&geometry=false&limit=${PAGE}`;
    while (address) {
      const page = await RiskMap.dom.ask(address, signal);
      items.push(...page.items);
      address = page.next;
    }
    return new Map(items.map((one) => [one.code, one]));
  }

  /* One level after the other: the first question computes the day, the others find it. */
  async function load() {
    asked?.abort();
    if (!active()) return;
    asked = new AbortController();
    const { signal } = asked;
    const missing = RiskMap.legend.levelsDrawn(config).filter((level) => !told[level]);
    if (missing.length) bar.setAttribute("aria-busy", "true");
    try {
      for (const level of missing) {
        const found = await itemsOf(level, signal);
        told[level] = found;
        RiskMap.map.refilter(RiskMap.map.records);
        tell();
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.offline || error.status === 503) RiskMap.live.lost(error.offline);
      tell(error.message);
    }
    bar.removeAttribute("aria-busy");
  }

  /* Edition and instant of what is told, once it is. */
  function about() {
    const first = Object.values(told).flatMap((found) => [...found.values()])[0];
    return first?.data_time ? { edition: first.edition, data_time: first.data_time } : null;
  }

  function tell(failure = null) {
    const { t } = RiskMap;
    document.body.classList.toggle("past", active());
    document.getElementById("past-banner").hidden = !active();
    document.getElementById("past-day").textContent = active() ? t("past.map_day", { day }) : "";
    const empty = told.township && ![...told.township.values()].some((one) => one.base_level);
    document.getElementById("past-about").textContent = failure ? t("themes.failed", { detail: failure })
      : !told.township ? t("past.map_computing") : empty ? t("past.map_empty") : t("past.map_about");
    document.getElementById("past-toggle").setAttribute("aria-pressed", String(active()));
    const shown = day ?? today();
    const range = document.getElementById("past-range");
    range.value = String(Math.max(Number(range.min), Math.round((Date.parse(shown) - Date.parse(today())) / DAY_MS)));
    document.getElementById("past-date").value = shown;
    document.getElementById("past-later").disabled = !active();
    RiskMap.which.tell();
  }

  /* Another day, or now; a day that is not over is now. */
  function go(wanted) {
    const next = wanted && PAST_DAY.test(wanted) && wanted < today() ? wanted : null;
    if (next === day) {
      tell();
      return;
    }
    day = next;
    told = {};
    history.replaceState(null, "", carry(new URL(location)));
    tell();
    RiskMap.map.refilter(RiskMap.map.records);
    RiskMap.panel.refresh();
    RiskMap.themes.renew();
    load();
  }

  function open(on) {
    bar.hidden = !on;
    document.getElementById("past-toggle").setAttribute("aria-expanded", String(on));
  }

  function start(given) {
    config = given;
    bar = document.getElementById("past");
    const range = document.getElementById("past-range");
    const date = document.getElementById("past-date");
    date.max = today();
    document.getElementById("past-toggle").addEventListener("click", () => open(bar.hidden));
    document.getElementById("past-close").addEventListener("click", () => open(false));
    range.addEventListener("input", () => { date.value = shifted(today(), Number(range.value)); });
    range.addEventListener("change", () => go(shifted(today(), Number(range.value))));
    date.addEventListener("change", () => go(date.value));
    document.getElementById("past-earlier").addEventListener("click", () => go(shifted(day ?? today(), -1)));
    document.getElementById("past-later").addEventListener("click", () => go(shifted(day ?? today(), 1)));
    for (const button of document.querySelectorAll("[data-now]")) button.addEventListener("click", () => go(null));
    RiskMap.map.leaflet.on("moveend", load);
    const asked = new URLSearchParams(location.search).get("as_of");
    if (asked && PAST_DAY.test(asked) && asked < today()) day = asked;
    if (active()) open(true);
    tell();
    load();
  }

  RiskMap.past = { about, active, carry, drawn, itemOf, levelOf, query, start };
})();
