"use strict";
// The gallery's filter: one button per kind; a card's kind is that of its last answer.
for (const bar of document.querySelectorAll(".filters")) {
  const cards = document.querySelectorAll(".card[data-kind]");
  bar.addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    for (const button of bar.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button === chosen));
    }
    for (const card of cards) {
      card.hidden = chosen.dataset.kind !== "all" && card.dataset.kind !== chosen.dataset.kind;
    }
  });
}
// Values under the pointer, in the chart's legend.
for (const figure of document.querySelectorAll("figure[data-series]")) {
  const series = JSON.parse(figure.dataset.series);
  const [low, high] = JSON.parse(figure.dataset.range);
  const svg = figure.querySelector("svg"), cursor = svg.querySelector(".cursor");
  const values = figure.querySelectorAll(".legend b");
  const [left, right] = JSON.parse(figure.dataset.margins), width = svg.viewBox.baseVal.width;
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const share = Math.min(Math.max((x - left) / (width - left - right), 0), 1);
    const step = low + share * (high - low);
    series.forEach((points, place) => {
      let near = points[0];
      for (const point of points) {
        if (Math.abs(point[0] - step) < Math.abs(near[0] - step)) near = point;
      }
      values[place].textContent = `${Number(near[1].toPrecision(3))} @ ${near[0]}`;
    });
    cursor.setAttribute("x1", x); cursor.setAttribute("x2", x);
    cursor.style.visibility = "visible";
  });
  svg.addEventListener("pointerleave", () => {
    cursor.style.visibility = "hidden";
    for (const value of values) value.textContent = "";
  });
}
