// Draws the charts in the reader's color scheme, switches the thread count and sorts the table; asks nothing of a network.
(() => {
  "use strict";
  const root = document.documentElement;
  const drawings = JSON.parse(document.getElementById("drawings").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const views = new Map();
  root.classList.add("js");

  async function draw(place) {
    const id = place.dataset.chart;
    const spec = drawings.specs[id];
    if (!spec) return;
    views.get(id)?.finalize();
    try {
      const result = await vegaEmbed(place, spec, {
        mode: "vega-lite",
        renderer: "svg",
        config: dark.matches ? drawings.dark : drawings.light,
        tooltip: { theme: dark.matches ? "dark" : "light" },
        actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
        downloadFileName: id,
      });
      views.set(id, result.view);
      if (spec.params) await result.view.signal("threads", Number(root.dataset.threads)).runAsync();
    } catch (problem) {
      place.textContent = "This chart could not be drawn: " + problem.message;
      console.error(id, problem);
    }
  }

  async function drawAll() {
    delete root.dataset.drawn;
    for (const place of document.querySelectorAll("[data-chart]")) await draw(place);
    root.dataset.drawn = views.size;
  }

  function choose(threads) {
    root.dataset.threads = threads;
    for (const button of document.querySelectorAll("[data-choose]")) {
      button.setAttribute("aria-pressed", String(button.dataset.choose === threads));
    }
    for (const [id, view] of views) {
      if (drawings.specs[id].params) view.signal("threads", Number(threads)).runAsync();
    }
    const sorted = document.querySelector("#table th[aria-sort]");
    if (sorted) sort(sorted, sorted.getAttribute("aria-sort"));
  }

  function sort(heading, order) {
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const value = (line) => {
      const cell = line.cells[column];
      const shown = cell.querySelector(`.at[data-threads="${root.dataset.threads}"]`) || cell;
      const text = shown.dataset.value ?? (cell.querySelector(".at") ? "inf" : "");
      if (text === "inf" || text === "exact") return Infinity;
      if (text === "-inf") return -Infinity;
      return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
    };
    const lines = [...table.tBodies[0].rows].map((line) => [value(line), line]);
    const sign = order === "descending" ? -1 : 1;
    lines.sort(([a], [b]) => sign * (typeof a === "string" ? a.localeCompare(b) : a === b ? 0 : a < b ? -1 : 1));
    table.tBodies[0].append(...lines.map(([, line]) => line));
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
  }

  for (const button of document.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => choose(button.dataset.choose));
  }
  for (const button of document.querySelectorAll("#table th button")) {
    button.addEventListener("click", () => {
      const heading = button.closest("th");
      sort(heading, heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
    });
  }
  function open() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  }
  window.addEventListener("hashchange", open);
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  dark.addEventListener("change", drawAll);
  open();
  drawAll();
})();
