"use strict";
(() => {
  const SHOWN = 8;
  const buttons = [...document.querySelectorAll("[data-method]")];
  const names = buttons.map((button) => button.querySelector("span").textContent);
  const hidden = new Set();

  function show(button, on) {
    const number = button.dataset.method;
    hidden[on ? "delete" : "add"](number);
    button.setAttribute("aria-pressed", String(on));
    for (const line of document.querySelectorAll(`.chart .m${number}`)) line.classList.toggle("off", !on);
  }

  for (const button of buttons) button.addEventListener("click", () => show(button, hidden.has(button.dataset.method)));
  for (const button of document.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => buttons.forEach((one) => show(one, button.dataset.all === "true")));
  }

  function row(one, near) {
    const line = document.createElement("tr");
    line.classList.toggle("near", one === near);
    const sample = buttons[one.number].querySelector("svg").cloneNode(true);
    const value = one.value.toFixed(2) + (one.ends ? ` [${one.ends.map((end) => end.toFixed(2)).join(", ")}]` : "");
    for (const content of [sample, names[one.number], value]) line.insertCell().append(content);
    return line;
  }

  for (const chart of document.querySelectorAll(".chart")) {
    const figure = chart.closest("figure");
    const hint = figure.querySelector(".hint");
    const cursor = chart.querySelector(".cursor");
    const lines = [...chart.querySelectorAll("polyline")];
    const [first, last, zero, one] = ["first", "last", "zero", "one"].map((name) => Number(chart.dataset[name]));
    const value = (place) => (zero - place) / (zero - one);

    function leave() {
      hint.style.display = cursor.style.display = "none";
      light();
    }

    function light(number) {
      chart.classList.toggle("faded", number !== undefined);
      for (const line of chart.querySelectorAll(".band, polyline")) line.classList.toggle("lit", line.classList.contains(`m${number}`));
    }

    function ends(number, at) {
      const band = chart.querySelector(`.band.m${number}`);
      return band && [band.points[band.points.length - 1 - at], band.points[at]].map((point) => value(point.y));
    }

    function move(event) {
      const box = chart.getBoundingClientRect();
      const scale = chart.viewBox.baseVal.width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const shown = lines.filter((line) => !hidden.has(line.dataset.key));
      if (!shown.length) return leave();
      const points = shown[0].points;
      const share = (x - points[0].x) / (points[points.length - 1].x - points[0].x);
      if (share < -.1 || share > 1.1) return leave();
      const at = Math.max(0, Math.min(points.length - 1, Math.round(share * (points.length - 1))));
      const found = shown.map((line) => {
        const [number, point] = [line.dataset.key, line.points[at]];
        return { number, place: point, away: Math.abs(point.y - y), value: value(point.y), ends: ends(number, at) };
      });
      found.sort((left, right) => left.away - right.away);
      const near = found[0];
      const rows = found.slice(0, SHOWN).sort((left, right) => left.value - right.value).map((each) => row(each, near));
      const runs = first * (last / first) ** (at / (points.length - 1));
      const head = document.createElement("div");
      head.textContent = `after ${runs.toPrecision(3)} runs` + (found.length > SHOWN ? `, the nearest ${SHOWN}` : "");
      const table = document.createElement("table");
      table.append(...rows);
      hint.replaceChildren(head, table);
      hint.style.display = "block";
      const inside = near.value <= 1.25;
      cursor.style.display = inside ? "block" : "none";
      cursor.setAttribute("cx", near.place.x);
      cursor.setAttribute("cy", near.place.y);
      const outer = figure.getBoundingClientRect();
      const left = box.left - outer.left + near.place.x / scale + 14;
      const beside = left + hint.offsetWidth <= outer.width ? left : left - 28 - hint.offsetWidth;
      const room = Math.max(0, document.documentElement.clientWidth - outer.left - hint.offsetWidth - 8);
      hint.style.left = `${Math.min(room, Math.max(0, beside))}px`;
      hint.style.top = `${box.top - outer.top + Math.max(0, inside ? near.place.y : 0) / scale + 14}px`;
      light(near.number);
    }

    chart.addEventListener("pointermove", move);
    chart.addEventListener("pointerdown", move);
    chart.addEventListener("pointerleave", (event) => event.pointerType === "touch" || leave());
    document.addEventListener("pointerdown", (event) => chart.contains(event.target) || leave());
  }
})();
