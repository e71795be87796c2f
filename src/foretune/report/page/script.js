"use strict";
(() => {
  const runs = JSON.parse(document.getElementById("runs").textContent);
  const rows = [...document.querySelectorAll("tr[data-key]")];
  const pinned = new Set();

  function light(key) {
    const keys = new Set(pinned);
    if (key) keys.add(key);
    for (const chart of document.querySelectorAll(".chart")) {
      chart.classList.toggle("faded", keys.size > 0);
      for (const line of chart.querySelectorAll("[data-key]")) line.classList.toggle("lit", keys.has(line.dataset.key));
    }
    for (const row of rows) row.classList.toggle("lit", keys.has(row.dataset.key));
  }

  for (const row of rows) {
    row.addEventListener("pointerenter", () => light(row.dataset.key));
    row.addEventListener("pointerleave", () => light());
    row.querySelector(".pin").addEventListener("click", (event) => {
      const on = !pinned.delete(row.dataset.key);
      if (on) pinned.add(row.dataset.key);
      event.currentTarget.setAttribute("aria-pressed", String(on));
      light();
    });
  }

  function value(row, column) {
    const cell = row.cells[column];
    return "number" in cell.dataset ? Number(cell.dataset.number) : cell.textContent.trim();
  }

  function order(first, second) {
    const blank = (one) => one === "" || one === "none";
    if (blank(first) || blank(second)) return blank(first) - blank(second) || 0;
    if (typeof first === "number" && typeof second === "number") return first - second;
    return String(first).localeCompare(String(second));
  }

  for (const button of document.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const body = button.closest("table").tBodies[0];
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const column = head.cellIndex;
      const sorted = [...body.rows].sort((one, two) => {
        const [first, second] = [value(one, column), value(two, column)];
        const missing = first === "" || first === "none" || second === "" || second === "none";
        return down && !missing ? order(second, first) : order(first, second);
      });
      body.append(...sorted);
    });
  }

  function said(key, slice) {
    const run = runs[key];
    const lines = [run.name];
    if (run.said) lines.push(run.said);
    if (slice < 0) return [...lines, "where it began"];
    lines.push(`validation loss ${run.losses[slice]} after slice ${slice + 1}`);
    const trained = run.seconds.slice(0, slice + 1).reduce((sum, one) => sum + one, 0);
    const spent = run.spent[slice];
    lines.push(`${trained.toFixed(1)} s of training` + (spent === undefined ? "" : `, ${spent.toFixed(0)} s since the start`));
    return lines;
  }

  for (const chart of document.querySelectorAll(".chart")) {
    const figure = chart.closest("figure");
    const hint = figure.querySelector(".hint");
    const cursor = chart.querySelector(".cursor");
    const points = [...chart.querySelectorAll("polyline[data-key]")].flatMap((line) =>
      [...line.points].map((point, at) => ({ x: point.x, y: point.y, key: line.dataset.key, slice: at + Number(line.dataset.first) })));

    function leave() {
      hint.style.display = cursor.style.display = "none";
      light();
    }

    function move(event) {
      const scale = chart.viewBox.baseVal.width / chart.clientWidth;
      const box = chart.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const away = (point) => Math.hypot(point.x - x, point.y - y);
      const near = points.reduce((best, point) => (!best || away(point) < away(best) ? point : best), null);
      if (!near || away(near) > 60) return leave();
      hint.replaceChildren(...said(near.key, near.slice).map((text, at) => {
        const line = document.createElement("div");
        line.textContent = text;
        if (!at) line.style.fontWeight = "650";
        return line;
      }));
      hint.style.display = cursor.style.display = "block";
      cursor.setAttribute("cx", near.x);
      cursor.setAttribute("cy", near.y);
      const outer = figure.getBoundingClientRect();
      const [left, top] = [box.left - outer.left + near.x / scale, box.top - outer.top + near.y / scale];
      hint.style.left = `${Math.max(0, Math.min(left + 14, outer.width - hint.offsetWidth))}px`;
      hint.style.top = `${top + 14}px`;
      light(near.key);
    }

    chart.addEventListener("pointermove", move);
    chart.addEventListener("pointerdown", move);
    chart.addEventListener("pointerleave", (event) => event.pointerType === "touch" || leave());
    // Before a chart that is touched lights its own lines.
    document.addEventListener("pointerdown", (event) => chart.contains(event.target) || leave(), true);
  }
})();
