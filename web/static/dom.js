/* Small help for building pages: elements from text that is never read as markup, numbers and times as people read them. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  /* el("p", {class: "x", onclick: f}, "text", child…): attributes, listeners, children; null children are left out. */
  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  const LEVELS = { red: 1, orange: 2, yellow: 3, blue: 4 };

  /* The four colours as every page has them, by number, and grey for what has no level. */
  function levelColours() {
    const style = getComputedStyle(document.documentElement);
    return ["nil", ...Object.keys(LEVELS)].map((name) => style.getPropertyValue(`--${name}`).trim());
  }

  const number = (value, digits = 0, least = 0) => Number(value).toLocaleString("zh-CN", {
    maximumFractionDigits: digits, minimumFractionDigits: least });

  const distance = (metres) => (metres < 995 ? `${Math.round(metres)} m` : `${number(metres / 1000, metres < 9950 ? 1 : 0)} km`);

  const clock = (instant) => instant.toLocaleTimeString("zh-CN", {
    timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", hour12: false });

  /* A rise too small for a decimal does not read as none. */
  const risenBy = (points) => (points > 0 && points < 0.05 ? "< 0.1" : number(points, 1, 1));

  /* A level with the name of its scale, which a list may name once above all of its levels instead, and its points.
     What has risen has no words of its own: it is told by points and colour. */
  function levelPill(level, scale, { named = true, points = null } = {}) {
    const { t } = RiskMap;
    const risen = scale === "rise";
    const colour = level ? t(`${risen ? "level_short" : "level"}.${level}`) : t("map.none");
    const told = typeof points === "number" && (!risen || points > 0);
    const amount = told && (risen ? t("map.risen", { points: risenBy(points) }) : `${number(points, 1, 1)} ${t("map.points")}`);
    const still = risen && level === "blue";
    return el("span", { class: `pill level-${level || "none"}${still ? " still" : ""}`, "data-scale": scale },
      named ? el("span", { class: "pill-scale" }, t(`scale.${scale}`)) : null,
      el("b", {}, risen && told ? `${amount} · ${colour}` : colour),
      told && !risen ? el("span", {}, amount) : null);
  }

  /* A JSON answer; a `body` is sent as JSON with the page's token. Errors carry `status` and `remedy`, or `offline`
     where there was no answer at all. */
  async function ask(address, signal, body) {
    const headers = { accept: "application/json" };
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    if (sent.body) Object.assign(headers, { "content-type": "application/json", "x-csrf-token": document.body.dataset.csrf });
    const answer = await fetch(address, { signal, headers, ...sent }).catch((error) => {
      throw Object.assign(error, { offline: error.name !== "AbortError" });
    });
    if (answer.status === 401) RiskMap.live.signedOut();
    const told = await answer.json();
    if (!answer.ok) {
      throw Object.assign(new Error(told.detail || answer.statusText), { status: answer.status, remedy: told.remedy || "" });
    }
    return told;
  }

  /* A page's own texts, for all its scripts; and where whoever is signed out goes: app.js watches the line here. */
  function speak(texts) {
    RiskMap.t = (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    RiskMap.word = (group, code) => (code ? texts[`${group}.${code}`] ?? code : "");
    const back = () => encodeURIComponent(location.pathname + location.search);
    RiskMap.live = { lost() {}, signedOut: () => location.assign(`/login?next=${back()}`) };
  }

  RiskMap.dom = { el, LEVELS, levelColours, number, distance, clock, levelPill, ask, speak };
})();
