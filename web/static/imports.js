/* The import page: a file is dropped, looked through, shown, confirmed; an import is taken back. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const { el, number } = RiskMap.dom;
  const config = JSON.parse(document.getElementById("imports-config").textContent);
  const API = "/api/v1/imports";
  const RETRY_MS = 2000;
  const WORKING = new Set(["checking", "importing"]);
  RiskMap.t = (key, values = {}) =>
    (config.texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const t = (key, values) => RiskMap.t(`imports.${key}`, values);
  const report = RiskMap.importReport;
  const byId = (id) => document.getElementById(id);
  const form = byId("options");

  let told = null; // the preview as the server last told it
  let chosen = {}; // header → field, as the person chose
  let turn = 0; // grows with every file and every change of options: older answers are not shown
  let removeMap = () => {};

  // --- talking to the server -------------------------------------------------------------------------------

  async function send(address, { method = "GET", body } = {}) {
    const headers = { accept: "application/json", "x-csrf-token": document.body.dataset.csrf };
    if (body !== undefined) headers["content-type"] = "application/json";
    let answer;
    try {
      answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw { offline: true, detail: t("offline"), remedy: t("offline_remedy") };
    }
    return read(answer.status, await answer.text());
  }

  function read(status, text) {
    if (status === 401) location.assign("/login?next=/imports");
    let document = {};
    try { document = JSON.parse(text); } catch { document = { detail: `HTTP ${status}`, remedy: "" }; }
    if (status >= 400) throw { status, ...document };
    return document;
  }

  /* Upload with its own progress, which fetch does not tell. */
  function upload(file, tell) {
    return new Promise((resolve, reject) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(options())) if (value && name !== "columns") body.append(name, value);
      body.append("file", file);
      const request = new XMLHttpRequest();
      request.open("POST", `${API}/preview`);
      request.setRequestHeader("accept", "application/json");
      request.setRequestHeader("x-csrf-token", document.body.dataset.csrf);
      request.upload.addEventListener("progress", (event) => tell(event.lengthComputable ? event.loaded / event.total : 0));
      request.addEventListener("error", () => reject({ detail: t("offline"), remedy: t("offline_remedy") }));
      request.addEventListener("load", () => {
        try { resolve(read(request.status, request.responseText)); } catch (problem) { reject(problem); }
      });
      request.send(body);
    });
  }

  // --- what was chosen ---------------------------------------------------------------------------------------

  function options() {
    const value = (name) => form.elements[name].value || null;
    const other = form.elements.epsg.value.trim();
    const crs = value("crs") === "epsg" ? (other ? `EPSG:${other}` : null) : value("crs");
    return { layer: value("layer"), crs, sheet: value("sheet"), encoding: value("encoding"), columns: chosen };
  }

  function fillOptions() {
    const { options: used, sheets } = told;
    if (used.layer) form.elements.layer.value = used.layer;
    byId("sheets").hidden = sheets.length < 2;
    form.elements.sheet.replaceChildren(...sheets.map((name) => el("option", { value: name, selected: name === used.sheet }, name)));
    if (sheets.length < 2) form.elements.sheet.replaceChildren();
  }

  function setCrs(crs) {
    const listed = [...form.elements.crs.options].some((one) => one.value === crs);
    form.elements.crs.value = listed ? crs : "epsg";
    form.elements.epsg.value = listed ? "" : crs.replace(/^EPSG:/, "");
    byId("epsg").hidden = listed;
  }

  /* A change of one choice: everything is looked through anew. */
  function act({ crs, columns }) {
    if (crs) setCrs(crs);
    for (const [header, field] of Object.entries(columns || {})) {
      // a field that another column had before is that column's no longer
      for (const one of told.headers) if (field && !(one.header in columns) && one.field === field) chosen[one.header] = "";
      chosen[header] = field;
    }
    again();
  }

  // --- the steps ---------------------------------------------------------------------------------------------

  async function start(file) {
    const mine = ++turn;
    told = null;
    chosen = {};
    form.elements.layer.value = "";
    form.elements.sheet.replaceChildren();
    byId("sheets").hidden = true;
    byId("file-name").textContent = file.name;
    byId("drop").classList.add("small");
    clear();
    await attempt(mine, async () => {
      working("checking", t("uploading"), 0);
      const answer = await upload(file, (share) => {
        if (mine === turn) working("checking", share < 1 ? t("uploading") : t("waiting_server"), share);
      });
      await follow(mine, answer);
    });
  }

  async function again() {
    if (!told) return;
    const mine = ++turn;
    clear();
    working("checking", "", 0);
    await attempt(mine, async () => follow(mine, await send(`${API}/preview/${told.token}`, { method: "POST", body: options() })));
  }

  async function confirmed(partial) {
    const mine = ++turn;
    problem(null);
    working("importing", "", 0);
    byId("confirm").disabled = true;
    await attempt(mine, async () => {
      await follow(mine, await send(`${API}/preview/${told.token}/confirm`, { method: "POST", body: { partial } }));
      await recent();
    });
  }

  async function attempt(mine, work) {
    try {
      await work();
    } catch (wrong) {
      if (!("detail" in wrong)) throw wrong;
      if (mine === turn) failed(wrong);
    }
  }

  /* Ask until there is nothing more to wait for; each answer comes as soon as there is news. */
  async function follow(mine, first) {
    told = first;
    while (mine === turn && WORKING.has(told.state)) {
      working(told.state, RiskMap.t(`import_progress.${told.label}`), told.share);
      try {
        const news = await send(`${API}/preview/${told.token}?after=${told.step}`);
        if (mine === turn) told = news;
      } catch (wrong) {
        if (!wrong.offline) throw wrong;
        working(told.state, t("lost"), told.share);
        await new Promise((later) => { setTimeout(later, RETRY_MS); });
      }
    }
    if (mine === turn) show();
  }

  // --- what is shown -----------------------------------------------------------------------------------------

  function working(state, label, share) {
    const box = byId("working");
    box.hidden = false;
    byId("working-state").textContent = t(`state_${state}`);
    byId("working-bar").value = share;
    byId("working-label").textContent = t("working_of", { label, percent: Math.round(100 * share) });
  }

  function clear() {
    removeMap();
    removeMap = () => {};
    byId("report").replaceChildren();
    problem(null);
  }

  function problem(wrong, box = byId("problem")) {
    box.hidden = !wrong;
    box.replaceChildren(...(wrong ? [el("div", { class: "problem" }, el("b", {}, wrong.detail), " ", wrong.remedy || "",
      wrong.conflicts ? el("div", {}, el("h2", {}, t("conflicts")), report.conflicts(wrong.conflicts, config)) : null)] : []));
  }

  function failed(wrong) {
    byId("working").hidden = true;
    problem(wrong);
    if (told?.report) byId("problem").append(el("p", {}, el("button", { class: "plain", type: "button", id: "check-again", onclick: again }, t("check_again"))));
    byId("problem").scrollIntoView({ block: "nearest" });
  }

  function show() {
    byId("working").hidden = true;
    clear();
    fillOptions();
    if (told.state === "failed") failed(told.problem);
    const box = byId("report");
    if (told.state === "done") {
      box.append(done());
      return;
    }
    if (!told.report) {
      box.append(...[report.columns(told, config, act)].filter(Boolean));
      return;
    }
    const map = report.mapPart(told);
    const asked = told.report.questions.length > 0; // the map belongs to the question where there is one
    const parts = [report.questions(told, act), asked && map, report.counts(told, config), report.faults(told, config), !asked && map,
      report.columns(told, config, act), report.changes(told, config), report.duplicates(told.report),
      report.mismatched(told.report), told.state === "ready" && report.confirm(told, confirmed)];
    box.append(...parts.filter(Boolean));
    if (map) removeMap = RiskMap.previewMap.draw(map.querySelector(".preview-map"), told.points, config.bounds);
  }

  function done() {
    const { rev, inserted, updated, unchanged, rejected_count: rejected } = told.report;
    const words = rev ? t("done", { rev, inserted: number(inserted), updated: number(updated), unchanged: number(unchanged),
      rejected: number(rejected) }) : t("done_nothing");
    return el("section", { class: "card", id: "done" }, el("p", { class: "done" }, words), rejected !== "0" && report.download(told),
      rev ? el("p", { class: "actions" }, el("button", { class: "plain", type: "button", id: "undo", onclick: () => undo(rev) }, t("undo"))) : null);
  }

  // --- what was imported before ------------------------------------------------------------------------------

  async function undo(rev) {
    if (!window.confirm(t("undo_sure", { rev }))) return;
    const box = byId("undo-problem");
    problem(null, box);
    try {
      const back = await send(`${API}/${rev}/undo`, { method: "POST" });
      const sum = (name) => number(back.layers.reduce((all, one) => all + one[name], 0));
      box.hidden = false;
      box.replaceChildren(el("p", { class: "done" }, t("undone", { rev, by: back.rev, ended: sum("ended"),
        restored: sum("restored"), returned: sum("returned") })));
      byId("undo")?.remove();
    } catch (wrong) {
      if (!("detail" in wrong)) throw wrong;
      problem(wrong, box);
    }
    box.scrollIntoView({ block: "nearest" });
    await recent();
  }

  async function recent() {
    const { items } = await send(API);
    const ops = (one) => [...new Set(one.layers.map((part) => part.layer))].map((layer) => `${config.layers[layer]}: ${
      one.layers.filter((part) => part.layer === layer).map((part) => t(`op_${part.op}`, { n: number(part.rows) })).join(", ")}`).join("; ");
    const way = (one) => (one.undone_by ? el("span", { class: "note" }, t("undone_by", { rev: one.undone_by }))
      : el("button", { class: "plain", type: "button", "data-undo": one.rev, onclick: () => undo(one.rev) }, t("undo_short")));
    byId("recent").replaceChildren(items.length
      ? report.table([t("what"), t("rows"), t("time"), t("actor"), t("rev"), ""], items.map((one) =>
        [one.reason, ops(one), one.at.slice(0, 16).replace("T", " "), one.actor, one.rev, way(one)]))
      : el("p", { class: "empty" }, t("recent_none")));
  }

  // --- listening -----------------------------------------------------------------------------------------------

  const drop = byId("drop");
  byId("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) start(file);
    event.target.value = ""; // the same file may be chosen again once it is corrected
  });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) start(file);
  });
  // a file dropped beside the box must not replace the page
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    const { name, value } = event.target;
    if (name === "crs") byId("epsg").hidden = value !== "epsg";
    if (name === "crs" && value === "epsg" && !form.elements.epsg.value) return;
    if (name === "layer" || name === "sheet") chosen = {};
    if (form.reportValidity()) again();
  });
  attempt(turn, recent);
})();
