/* A file of proposals: sent as it is chosen, its progress read line by line, the workbook kept for a click. */
"use strict";
(() => {
  const { el } = RiskMap.dom;
  const at = (id) => document.getElementById(id);
  const texts = JSON.parse(at("batch-texts").textContent);
  const VERDICTS = ["row", "name", "verdict_text", "clause", "object"];
  const FAULTS = ["row", "field", "value", "reason", "remedy"];
  let kept = null;

  function rows(place, items, names) {
    const cells = (one) => names.map((name) => el("td", { "data-label": texts.labels[name] }, String(one[name] ?? "—")));
    place.replaceChildren(...items.map((one) => el("tr", {}, ...cells(one))));
  }

  function fail(problem) {
    at("problem").replaceChildren(el("b", {}, problem.detail || texts.broken), ` ${problem.remedy || ""}`);
    at("problem").hidden = false;
  }

  function finish({ report, workbook }) {
    const figures = { read: report.rows_read, judged: report.judged, faulty: report.rejected.length };
    at("counts").textContent = texts.counts.replace(/\{(\w+)\}/g, (_, name) => figures[name]);
    rows(at("verdicts"), report.items, VERDICTS);
    rows(at("faulty"), report.rejected, FAULTS);
    at("faults").hidden = !report.rejected.length;
    if (kept) URL.revokeObjectURL(kept);
    kept = URL.createObjectURL(new Blob([Uint8Array.from(atob(workbook), (sign) => sign.charCodeAt(0))]));
    at("workbook").href = kept;
    at("report").hidden = false;
  }

  function take(line) {
    if (!line) return;
    const told = JSON.parse(line);
    if (told.problem) fail(told.problem);
    else if (told.report) finish(told);
    else {
      at("bar").value = told.done;
      at("share").textContent = `${Math.floor(told.done * 100)} %`;
    }
  }

  async function send(file) {
    const body = new FormData(at("options"));
    body.append("file", file);
    const headers = { "x-csrf-token": document.body.dataset.csrf, accept: "application/json" };
    const answer = await fetch(`/api/v1/siting/batch${location.search}`, { method: "POST", headers, body });
    if (!answer.ok) return fail(await answer.json());
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      lines.forEach(take);
    }
    take(rest);
    return null;
  }

  at("file").addEventListener("change", async () => {
    const file = at("file").files[0];
    if (!file) return;
    at("file-name").textContent = file.name;
    for (const id of ["problem", "report"]) at(id).hidden = true;
    at("bar").value = 0;
    at("share").textContent = "";
    at("working").hidden = false;
    try {
      await send(file);
    } catch {
      fail({});
    }
    at("working").hidden = true;
    at("file").value = "";
  });
})();
