/* The page of siting: a proposal in the form, its place on the map, and the verdict while either is changed. */
"use strict";
window.RiskMap = window.RiskMap || {};

(() => {
  const config = JSON.parse(document.getElementById("siting-config").textContent);
  const form = document.getElementById("proposal");
  const field = (name) => form.elements.namedItem(name);
  const PAUSE_MS = 120;
  const LARGEST_FILE_B = 2_000_000;
  const VOLUMES = ["lpg_filling", "lpg_store"];
  const WAY = "#8a1c4a";
  const { el, ask, speak } = RiskMap.dom;
  const lang = document.documentElement.lang.slice(0, 2);
  speak(config.texts);
  RiskMap.distances = config.distances;
  const { t, verdict } = RiskMap.rows;
  let map;
  let place;
  let ways;
  let compare;
  let asked = null; // the request on its way
  let waiting = null;
  let current = null; // what the answer on the screen was given to

  // --- the proposal --------------------------------------------------------------------------------------------

  function stockRow() {
    const row = el("p", { class: "stock-row" },
      el("input", { list: "substances", maxlength: 200, "data-stock": "substance", placeholder: t("substance"), "aria-label": t("substance") }),
      el("input", { type: "number", min: 0, step: "any", inputmode: "decimal", "data-stock": "quantity", placeholder: t("quantity"), "aria-label": t("quantity") }),
      el("button", { type: "button", class: "plain", "aria-label": t("stock_remove"), title: t("stock_remove"), onclick: () => { row.remove(); askSoon(); } }, "×"));
    document.getElementById("stock-rows").append(row);
  }

  /* The sizes that the kind is judged by are asked for, the others not. */
  function fitFields() {
    const kind = field("kind").value;
    const wanted = new Set(config.measures[kind] || []);
    if (kind === "filling_station") wanted.add("station_class");
    if (VOLUMES.includes(kind)) wanted.add("volume_m3").add("largest_m3");
    if (field("stage").value === "temporary") wanted.add("years");
    for (const label of form.querySelectorAll("[data-size]")) label.hidden = !wanted.has(label.dataset.size);
    const grows = field("stage").value === "extension" && config.developments.includes(kind);
    for (const label of form.querySelectorAll("[data-existing]")) label.hidden = !grows || !wanted.has(label.dataset.existing);
    document.getElementById("stock").hidden = config.developments.includes(kind);
  }

  /* What the form says, without the place; what is hidden or empty is not told. */
  function proposed() {
    const kind = field("kind").value;
    const found = { kind, stage: field("stage").value };
    if (field("name").value.trim()) found.name = field("name").value.trim();
    for (const label of form.querySelectorAll("[data-size]:not([hidden])")) {
      const value = field(label.dataset.size).value;
      if (value !== "") found[label.dataset.size] = Number(value);
    }
    const standing = [...form.querySelectorAll("[data-existing]:not([hidden])")].map(({ dataset }) => [dataset.existing, field(`existing_${dataset.existing}`).value]);
    const told = standing.filter(([, value]) => value !== "");
    if (told.length) found.existing = [{ kind, ...Object.fromEntries(told.map(([name, value]) => [name, Number(value)])) }];
    if (!config.developments.includes(kind)) {
      const inventory = [...document.querySelectorAll(".stock-row")].map((row) => ({
        substance: row.querySelector("[data-stock=substance]").value.trim(),
        quantity_t: row.querySelector("[data-stock=quantity]").value }));
      found.inventory = inventory.filter((one) => one.substance && one.quantity_t !== "");
    }
    const [authority, text, date] = ["authority", "text", "date"].map((name) => field(`exception_${name}`).value.trim());
    if (authority || text || date) found.exception = { authority, text, date };
    return found;
  }

  // --- asking --------------------------------------------------------------------------------------------------

  function askSoon() {
    clearTimeout(waiting);
    asked?.abort();
    asked = null;
    if (!place.geometry) { nothing(); return; }
    document.getElementById("verdict").setAttribute("aria-busy", "true");
    waiting = setTimeout(judge, PAUSE_MS);
  }

  /* Only the newest question is answered: an older one is given up, and what it might still say is not shown. */
  async function judge() {
    const own = asked = new AbortController();
    const proposal = { ...proposed(), geometry: place.geometry };
    let answer = null;
    let problem = null;
    try {
      answer = await ask(`/api/v1/siting?lang=${lang}`, own.signal, proposal);
    } catch (error) {
      if (error.name === "AbortError") return;
      problem = error;
    }
    if (own !== asked) return;
    asked = null;
    document.getElementById("verdict").setAttribute("aria-busy", "false");
    current = answer && { proposal, answer };
    ready(Boolean(answer));
    RiskMap.problem(document.getElementById("problem"), problem);
    document.getElementById("answer").hidden = Boolean(problem);
    scale(answer?.verdict);
    ways.clearLayers();
    if (answer) drawWays(verdict(document.getElementById("answer"), answer, showWay));
  }

  /* What is wrong, at its place; none: the place is empty. */
  RiskMap.problem = (box, error) => {
    box.hidden = !error;
    box.replaceChildren(...(error ? [el("b", {}, t("problem")), el("p", {}, error.offline ? t("offline") : error.message),
      error.remedy ? el("p", {}, error.remedy) : ""] : []));
  };

  function nothing() {
    current = null;
    ready(false);
    ways.clearLayers();
    scale(null);
    RiskMap.problem(document.getElementById("problem"), null);
    document.getElementById("verdict").setAttribute("aria-busy", "false");
    const box = document.getElementById("answer");
    box.hidden = false;
    box.replaceChildren(el("p", { class: "empty" }, t("empty")));
  }

  /* An opinion is filed on exactly what the verdict on the screen was given to. */
  async function filed(event) {
    event.preventDefault();
    const [button, said] = [event.target.querySelector("button"), event.target.querySelector("[role=status]")];
    const told = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value.trim()));
    button.disabled = true;
    said.textContent = `${t("filing_working")}…`;
    try {
      const paper = await ask("/api/v1/siting/papers", undefined, { ...current.proposal, paper: told });
      location.assign(`/siting/papers/${encodeURIComponent(paper.archive_number)}`);
    } catch (error) {
      RiskMap.problem(document.getElementById("filing-problem"), error);
      said.textContent = "";
      button.disabled = false;
    }
  }

  /* What needs a verdict: keeping a place, filing an opinion. */
  function ready(is) {
    compare.ready(is);
    const button = document.querySelector("#filing button");
    if (button) button.disabled = !is;
  }

  function scale(word) {
    for (const one of document.querySelectorAll(".o-scale li")) {
      if (one.classList.contains(`o-${word}`)) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
  }

  function drawWays(numbered) {
    for (const [row, n] of numbered) {
      const way = L.geoJSON(row.line, { interactive: false, style: { color: WAY, weight: 2, dashArray: "6 5" } }).addTo(ways);
      const [lon, lat] = row.line.coordinates.at(-1);
      const icon = L.divIcon({ className: "way-label", html: el("span", { class: "way-no" }, String(n)), iconSize: [20, 20] });
      L.marker([lat, lon], { icon, keyboard: false }).bindTooltip(el("span", {}, RiskMap.rows.ruleName(row))).addTo(ways);
      row.way = way;
    }
  }

  function showWay(row) {
    const way = row.way || L.geoJSON(row.line, { interactive: false, style: { color: WAY, weight: 2 } }).addTo(ways);
    ways.eachLayer((one) => one.setStyle?.({ weight: one === way ? 5 : 2 }));
    map.fitBounds(way.getBounds(), { padding: [50, 60], maxZoom: 17, animate: false });
    document.querySelector(".siting-map").scrollIntoView({ block: "nearest" });
  }

  // --- the place -----------------------------------------------------------------------------------------------

  function placed(geometry) {
    const point = geometry?.type === "Point" ? geometry.coordinates : null;
    if (document.activeElement !== field("lon") && document.activeElement !== field("lat")) {
      field("lon").value = point ? point[0] : "";
      field("lat").value = point ? point[1] : "";
    }
    tools();
    askSoon();
  }

  function tools(corners = 0) {
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === place.tool));
    }
    const drawing = place.tool === "polygon";
    document.getElementById("finish").hidden = !drawing;
    document.getElementById("finish").disabled = corners < 3;
    const shape = place.geometry && place.geometry.type !== "Point";
    document.getElementById("tool-hint").textContent = t(drawing ? "hint_polygon" : shape ? "hint_shape" : "hint_point");
  }

  function typed() {
    const [lon, lat] = ["lon", "lat"].map((name) => field(name).valueAsNumber);
    if (Number.isFinite(lon) && Number.isFinite(lat)) place.set({ type: "Point", coordinates: [lon, lat] }, { look: Math.abs(lat) <= 85 });
  }

  async function opened(file) {
    let geometry = null;
    const large = file.size > LARGEST_FILE_B;
    try {
      geometry = large ? null : place.geometryOf(JSON.parse(await file.text()));
      if (geometry) place.set(geometry, { look: true });
    } catch {
      geometry = null;
    }
    if (!geometry) RiskMap.problem(document.getElementById("problem"), { message: t(large ? "file_large" : "file_bad") });
  }

  /* Go to a place, as a search or a comparison names it. */
  RiskMap.goTo = (lon, lat) => place.set({ type: "Point", coordinates: [lon, lat] }, { look: true });

  function listen() {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => {
      if (target.id === "file") return;
      if (target.name === "lon" || target.name === "lat") { typed(); return; }
      fitFields();
      askSoon();
    });
    document.getElementById("filing")?.addEventListener("submit", filed);
    document.getElementById("stock-add").addEventListener("click", stockRow);
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => { place.choose(button.dataset.tool); tools(); });
    }
    document.getElementById("finish").addEventListener("click", () => place.finish());
    document.getElementById("clear-place").addEventListener("click", () => { place.choose("point"); place.set(null); });
    document.getElementById("file").addEventListener("change", ({ target }) => {
      if (target.files[0]) opened(target.files[0]);
      target.value = "";
    });
  }

  function start() {
    map = L.map("siting-map", { maxZoom: 18, minZoom: 5, attributionControl: false, zoomSnap: 0.5, zoomControl: false });
    L.control.zoom({ position: "bottomright" }).addTo(map);
    map.fitBounds(config.bounds, { animate: false });
    const letters = [null, ...Object.keys(RiskMap.dom.LEVELS).map((name) => config.texts[`level_short.${name}`])];
    const grades = [null, ...[1, 2, 3, 4].map((grade) => config.texts[`map.grade_${grade}`])];
    const ground = RiskMap.ground(["source", "target"], { letters, grades });
    const box = map.getContainer();
    ground.on("loading", () => box.setAttribute("aria-busy", "true")).on("load", () => box.setAttribute("aria-busy", "false"));
    ground.addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    ways = L.featureGroup().addTo(map);
    place = RiskMap.place(map, { changed: placed, drawing: tools });
    compare = RiskMap.compare(map, { verdicts: config.verdicts, effects: config.effects, current: () => current,
      look: (pin) => place.set(pin.proposal.geometry, { look: true }) });
    const cells = RiskMap.cells(map, { verdicts: config.verdicts, proposed });
    map.on("click", ({ latlng }) => {
      if (place.tool === "point") cells.clicked(latlng);
      place.clicked(latlng);
    });
    RiskMap.panel = { show: (kind, code, { at }) => RiskMap.goTo(at.lon, at.lat) };
    RiskMap.search.start();
    stockRow();
    listen();
    // an address may say what is to be built, and where
    const given = new URLSearchParams(location.search);
    if (given.has("kind") && field("kind").querySelector(`option[value="${CSS.escape(given.get("kind"))}"]`)) field("kind").value = given.get("kind");
    fitFields();
    const [lon, lat] = ["lon", "lat"].map((name) => parseFloat(given.get(name)));
    if (Math.abs(lon) <= 180 && Math.abs(lat) <= 85) RiskMap.goTo(lon, lat);
    window.matchMedia("print").addEventListener("change", () => map.invalidateSize({ animate: false }));
  }

  start();
})();
