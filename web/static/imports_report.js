/* What is shown of a file before it is imported: counts, questions, columns, changes, faults. Nothing here asks the server. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const { el, number } = RiskMap.dom;
  const t = (key, values) => RiskMap.t(`imports.${key}`, values);
  const CRS_WORDS = { gcj02: "GCJ-02", bd09: "BD-09" };

  const shownValue = (value) => (value === null || value === undefined || value === "" ? "—"
    : typeof value === "object" ? JSON.stringify(value) : String(value));

  /* A table whose rows become cards on a phone. `cells` are nodes or texts. */
  function table(headers, rows, classes = () => "") {
    return el("div", { class: "scrolled" }, el("table", { class: "rows" },
      el("thead", {}, el("tr", {}, headers.map((text) => el("th", {}, text)))),
      el("tbody", {}, rows.map((cells, i) => el("tr", { class: classes(i) || null },
        cells.map((cell, n) => el("td", { "data-label": headers[n] }, cell instanceof Node ? cell : shownValue(cell))))))));
  }

  const part = (title, about, ...children) => el("section", {}, el("h2", {}, title),
    about ? el("p", { class: "about" }, about) : null, ...children);

  function counts({ report }, config) {
    const one = (name, kind) => el("p", { class: kind }, t(name), el("b", {}, number(name === "rejected" ? report.rejected_count : report[name])));
    const words = [config.layers[report.layer], t("read", { n: number(report.rows_read) }), t("state_ready")];
    return el("div", {}, el("p", { class: "headline" }, words.join(" · ")),
      el("div", { class: "counts" }, one("inserted", "new"), one("updated", "changed"), one("unchanged", "same"), one("rejected", "rejected")));
  }

  /* Each way to read the coordinates has its button; keeping them declares them to be what they are taken for. */
  function questions(told, act) {
    if (!told.report.questions.length) return null;
    const { lon, lat } = told.report.columns;
    const place = (pair) => pair.map((value) => Number(value).toFixed(5)).join(", ");
    const button = (question) => {
      const swapped = question.kind === "swapped";
      if (swapped && (!lon || !lat || question.share < 0.5)) return el("span", { class: "note" }, t("swap_in_file"));
      if (!swapped && !question.crs) return el("span", { class: "note" }, question.remedy);
      return el("button", { class: "primary", type: "button", "data-question": question.kind,
        onclick: () => act(swapped ? { columns: { [lon]: "lat", [lat]: "lon" } } : { crs: question.crs }) },
      swapped ? t("swap") : t("convert", { crs: CRS_WORDS[question.crs] || question.crs }));
    };
    const keep = el("button", { class: "plain", type: "button", "data-question": "keep", onclick: () => act({ crs: "cgcs2000" }) }, t("keep"));
    return el("section", { class: "asked" }, el("h2", {}, t("questions")),
      told.report.questions.map((question) => el("p", {}, el("b", {}, question.text), " ",
        t("example", { row: question.example.row, before: place(question.example.before), after: place(question.example.after) }))),
      el("div", { class: "actions" }, told.report.questions.map(button), keep));
  }

  function mapPart(told) {
    if (!told.points.length) return null;
    const seen = new Map();
    for (const { state } of told.points) seen.set(state, (seen.get(state) || 0) + 1);
    const states = RiskMap.previewMap.ORDER.filter((state) => seen.has(state)).reverse();
    return part(t("map"), null,
      el("p", { class: "map-legend" }, el("b", {}, t("legend")), states.map((state) => el("span", {},
        el("i", { class: `dot ${state}`, "aria-hidden": "true" }), `${t(`point_${state}`)} ${number(seen.get(state))}`))),
      el("div", { class: "preview-map", role: "img", "aria-label": t("show_map") }),
      el("p", { class: "note" }, t("map_about")));
  }

  /* The file's columns with a choice of our fields for each. */
  function columns(told, config, act) {
    if (!told.headers.length) return null;
    const layer = told.options.layer;
    const fields = layer ? config.fields[layer] : {};
    const required = new Set(layer ? config.required[layer] : []);
    const choice = (one) => el("select", { "aria-label": `${one.header} → ${t("column_field")}`, "data-header": one.header,
      disabled: !layer, onchange: (event) => act({ columns: { [one.header]: event.target.value } }) },
    el("option", { value: "" }, t("column_ignored")),
    Object.entries(fields).map(([name, words]) => el("option", { value: name, selected: one.field === name },
      `${words}${required.has(name) ? ` *${t("required")}` : ""}`)));
    return part(t("columns"), t("columns_about"), table([t("column_file"), t("column_field"), t("column_sample")],
      told.headers.map((one) => [el("b", {}, one.header), choice(one), el("span", { class: "samples" }, one.samples.join(" · ") || "—")]),
      (i) => (told.headers[i].field ? "" : "ignored")));
  }

  function changes(told, config) {
    if (!told.changes.length) return null;
    const names = { ...config.fields[told.report.layer] };
    const lines = told.changes.flatMap((one) => {
      const record = () => el("span", {}, one.name || one.code, el("small", { class: "code" }, `${one.code} · ${t("point_row", { row: one.row })}`));
      const fields = one.fields.map((field) => [record(), names[field.field] || field.field,
        el("span", { class: "old" }, shownValue(field.old)), shownValue(field.new)]);
      if (one.moved_m) fields.push([record(), t("map"), "—", t("moved", { m: number(one.moved_m, 1) })]);
      return fields.length ? fields : [[record(), t("replaced"), "—", "—"]];
    });
    const more = told.report.updated > told.changes.length ? t("changes_about", { n: number(told.changes.length) }) : null;
    return part(t("changes"), more, table([t("change_record"), t("change_field"), t("change_old"), t("change_new")], lines));
  }

  /* The way to the workbook of the rejected rows, before the import and after it. */
  const download = (told) => el("p", {}, el("a", { class: "button", id: "download", download: "",
    href: `/api/v1/imports/preview/${told.token}/rejected.xlsx` }, t("download")), " ", el("span", { class: "note" }, t("download_about")));

  function faults(told, config) {
    const { rejected, rejected_count: n, layer } = told.report;
    if (!n) return null;
    const names = config.fields[layer];
    return part(t("faults"), t("faults_about", { n: number(n), shown: number(rejected.length) }),
      download(told),
      table([t("row"), t("field"), t("value"), t("reason"), t("remedy")], rejected.map((fault) =>
        [number(fault.row), names[fault.field] || fault.field, fault.value, fault.reason, fault.remedy])));
  }

  /* Pairs with one name a few metres apart: the row, and the record or row that it may be again. */
  function duplicates(report) {
    const found = report.duplicates;
    const link = el("a", { href: "/quality/duplicates" }, t("duplicates_page"));
    if (found === null) return part(t("duplicates"), t("duplicates_many"), link);
    if (!found.length) return null;
    return part(t("duplicates"), t("duplicates_about"),
      table([t("row"), t("duplicate_new"), t("duplicate_other"), t("duplicate_distance")], found.map((one) => [
        number(one.row), `${one.name} ${one.code}`,
        `${one.other_name} ${one.other}${one.other_row ? `（${t("row")} ${number(one.other_row)}）` : ""}`,
        number(one.distance_m)])), link);
  }

  function mismatched(report) {
    if (!report.mismatched.length) return null;
    return part(t("mismatched"), t("mismatched_about", { n: number(report.mismatched_count ?? report.mismatched.length) }),
      table([t("record"), t("row"), t("declared"), t("placed")], report.mismatched.map((one) =>
        [one.code, one.row, one.declared, one.placed || t("nowhere")])));
  }

  /* The bar at the foot: why it cannot be confirmed yet, or the button that does it. */
  function confirm(told, confirmed) {
    const { report } = told;
    const n = report.rejected_count;
    const nothing = !report.inserted && !report.updated;
    const skip = n ? el("input", { type: "checkbox", id: "partial" }) : null;
    const button = el("button", { class: "primary", type: "button", id: "confirm", onclick: () => confirmed(Boolean(skip?.checked)) }, t("confirm"));
    const why = el("p", { class: "note" });
    const judge = () => {
      const reason = report.questions.length ? "confirm_questions" : nothing ? "confirm_none" : n && !skip.checked ? "confirm_faults" : "";
      button.disabled = Boolean(reason);
      why.textContent = reason ? t(reason) : "";
    };
    skip?.addEventListener("change", judge);
    judge();
    return el("div", { class: "confirm" }, button, skip && !nothing ? el("label", {}, skip, t("partial", { n: number(n) })) : null, why);
  }

  function conflicts(listed, config) {
    return table([t("record"), t("why"), t("later"), t("time"), t("actor")], listed.map((one) => [
      `${config.layers[one.layer]} ${one.code}`, t(`why_${one.why}`), one.rev, one.at && one.at.slice(0, 16).replace("T", " "), one.actor]));
  }

  RiskMap.importReport = { table, counts, questions, mapPart, columns, changes, download, faults, duplicates, mismatched, confirm, conflicts };
})();
