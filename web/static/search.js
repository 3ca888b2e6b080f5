/* Search by name or code: a combobox that works with the keyboard alone. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const PAUSE_MS = 180;
  let input;
  let list;
  let items = [];
  let chosen = -1;
  let asked;
  let waiting;

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  }

  function about(item) {
    const { word, t } = RiskMap;
    const kind = item.layer === "area" ? word("area_level", item.kind)
      : item.layer === "source" ? word("source_kind", item.kind)
      : item.layer === "target" ? word("target_class", item.kind)
      : item.layer === "resource" ? word("resource_kind", item.kind) : t("layer.enterprise");
    const place = item.layer === "area" && item.kind === "township" ? "" : item.township_name;
    return [kind, place, item.code].filter(Boolean).join(" · ");
  }

  function option(item, index) {
    const { el } = RiskMap.dom;
    const level = item[`${RiskMap.map?.state.scale ?? "base"}_level`]; // of the map shown; other pages have one of their own
    return el("li", { role: "option", id: `found-${index}`, class: "found", "aria-selected": "false",
        onmousedown: (event) => { event.preventDefault(); pick(index); } },
      el("span", { class: `found-mark level-${level || "none"} of-${item.layer}`, "aria-hidden": "true" }),
      el("span", { class: "found-text" }, el("b", {}, item.name), el("small", {}, about(item))));
  }

  function show(found, wanted) {
    const { el } = RiskMap.dom;
    items = found.items;
    list.replaceChildren(...items.map(option));
    if (!items.length) list.append(el("li", { class: "found-none" }, RiskMap.t("map.search_none", { q: wanted })));
    if (found.total > items.length) {
      list.append(el("li", { class: "found-none" }, RiskMap.t("map.search_more", { n: found.total })));
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(items.length ? 0 : -1);
  }

  function mark(index) {
    chosen = index;
    [...list.querySelectorAll(".found")].forEach((li, i) => {
      li.setAttribute("aria-selected", String(i === index));
      if (i === index) {
        li.scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", li.id);
      }
    });
  }

  async function look() {
    const wanted = input.value.trim();
    document.getElementById("search-clear").hidden = !wanted;
    asked?.abort();
    if (!wanted) return close();
    asked = new AbortController();
    try {
      show(await RiskMap.dom.ask(`/search?limit=12&q=${encodeURIComponent(wanted)}`, asked.signal), wanted);
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      if (error.offline || error.status === 503) RiskMap.live.lost(error.offline);
      list.replaceChildren(RiskMap.dom.el("li", { class: "found-none" }, RiskMap.t("map.failed", { detail: error.message })));
      list.hidden = false;
    }
    return undefined;
  }

  function pick(index) {
    const item = items[index];
    if (!item) return;
    input.value = item.name;
    input.blur();
    close();
    RiskMap.panel.show(item.layer === "area" ? item.kind : item.layer, item.code, { fly: true, at: item });
  }

  function keys(event) {
    if (event.isComposing) return; // a Chinese input method still chooses its characters
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) look();
      else if (items.length) mark((chosen + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!list.hidden) pick(Math.max(chosen, 0));
    } else if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      close();
    }
  }

  function start() {
    input = document.getElementById("search-input");
    list = document.getElementById("search-found");
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(look, PAUSE_MS);
    });
    input.form.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("keydown", keys);
    input.addEventListener("focus", () => input.value.trim() && look());
    input.addEventListener("blur", () => setTimeout(close, 150));
    document.getElementById("search-clear").addEventListener("click", () => {
      input.value = "";
      document.getElementById("search-clear").hidden = true;
      close();
      input.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
        event.preventDefault();
        input.focus();
      }
    });
  }

  RiskMap.search = { start };
})();
