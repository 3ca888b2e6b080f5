/* Up to three places side by side: totals, who would be newly exposed, and the rules that do not say the same of all. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const { el, ask, number } = RiskMap.dom;
  const { t, figure, outcome, ruleName } = RiskMap.rows;

  /* `current()` is the place and verdict on the screen, `look(pin)` goes back to one that was kept. */
  RiskMap.compare = (map, { verdicts, effects, current, look }) => {
    const pins = new Map();
    const box = document.getElementById("compared");
    const buttons = [...document.querySelectorAll("[data-pin]")];

    function keep(name) {
      drop(name);
      const { proposal, answer } = current();
      const [lon, lat] = [answer.site.lon, answer.site.lat];
      const icon = L.divIcon({ className: "pin-mark", html: el("span", {}, name), iconSize: [28, 28] });
      const pin = { proposal, answer, people: null, mark: L.marker([lat, lon], { icon, keyboard: false }).addTo(map), gone: new AbortController() };
      pin.mark.on("click", () => look(pin));
      pins.set(name, pin);
      if (effects) expose(pin);
      show();
    }

    async function expose(pin) {
      try {
        const told = await ask(`/api/v1/siting?effects=true&lang=${document.documentElement.lang.slice(0, 2)}`, pin.gone.signal, pin.proposal);
        pin.people = number(told.effects.people_exposed);
      } catch (error) {
        if (error.name === "AbortError") return;
        pin.people = t("compare_failed");
      }
      show();
    }

    function drop(name) {
      const pin = pins.get(name);
      if (!pin) return;
      pin.gone.abort();
      pin.mark.remove();
      pins.delete(name);
    }

    /* The rules of all pins, each with its row at every pin; a rule may stand in a verdict more than once: the worst counts. */
    function byRule(shown) {
      const found = new Map();
      shown.forEach(([, pin], n) => pin.answer.rules.forEach((row) => {
        if (!found.has(row.rule)) found.set(row.rule, Array(shown.length).fill(null));
        found.get(row.rule)[n] ??= row;
      }));
      const told = (row) => row && JSON.stringify([row.outcome, row.measured, row.limit]);
      return [...found.values()].filter((rows) => new Set(rows.map(told)).size > 1);
    }

    const rowOf = (label, cells, names) => el("tr", {}, el("th", { scope: "row" }, label),
      cells.map((cell, n) => el("td", { "data-label": names[n] }, el("span", {}, ...[cell].flat()))));

    function show() {
      for (const button of buttons) {
        button.textContent = t(pins.has(button.dataset.pin) ? "pin_again" : "pin", { pin: button.dataset.pin });
      }
      const shown = [...pins].sort(([a], [b]) => a.localeCompare(b));
      if (!shown.length) { box.replaceChildren(); return; }
      const names = shown.map(([name]) => name);
      const row = (label, cell) => rowOf(label, shown.map(([name, pin]) => cell(pin, name)), names);
      const differing = byRule(shown);
      box.replaceChildren(el("h2", {}, t("compare_title")), el("div", { class: "scroll" }, el("table", { class: "side" },
        el("thead", {}, el("tr", {}, el("td", {}), shown.map(([name, pin]) => el("th", { scope: "col" }, el("span", { class: "pin-no" }, name), " ",
          el("button", { type: "button", class: "plain small", onclick: () => look(pin) }, t("compare_show")), " ",
          el("button", { type: "button", class: "plain small", onclick: () => { drop(name); show(); } }, t("unpin")))))),
        el("tbody", {},
          row(t("outcome"), (pin) => outcome(pin.answer.verdict)),
          row(t("compare_place"), (pin) => `${pin.answer.site.lon.toFixed(5)}, ${pin.answer.site.lat.toFixed(5)}`),
          row(t("kind"), (pin) => RiskMap.word("source_kind", pin.proposal.kind) === pin.proposal.kind
            ? RiskMap.word("development_kind", pin.proposal.kind) : RiskMap.word("source_kind", pin.proposal.kind)),
          row(t("area"), (pin) => (pin.answer.site.area_m2 ? t("area_m2", { m2: number(pin.answer.site.area_m2) }) : "—")),
          ...[...verdicts].reverse().map((word) => row([`${t("compare_total")} `, outcome(word)], (pin) => String(pin.answer.counts[word] || 0))),
          row(t("compare_people"), (pin) => (effects ? pin.people ?? `${t("compare_working")}…` : t("compare_people_own"))),
          differing.map((rows) => rowOf(ruleName(rows.find(Boolean)), rows.map((one) => (one
            ? [outcome(one.outcome), one.measured === null ? null : ` ${figure(one.measured)} / ${figure(one.limit)} m`] : "—")), names))))),
      el("p", { class: "note" }, t("compare_same")));
    }

    for (const button of buttons) button.addEventListener("click", () => keep(button.dataset.pin));
    return { ready: (is) => buttons.forEach((button) => { button.disabled = !is; }) };
  };
})();
