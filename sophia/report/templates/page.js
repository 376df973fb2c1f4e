"use strict";
// The gallery's filters: one button per value; a card is shown where every bar's choice is its own.
const bars = [...document.querySelectorAll(".filters")];
const chosenIn = (bar) => bar.querySelector('button[aria-pressed="true"]').dataset.kind;
for (const bar of bars) {
  bar.addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    for (const button of bar.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button === chosen));
    }
    for (const card of document.querySelectorAll(".card[data-kind]")) {
      card.hidden = bars.some((one) => {
        const wanted = chosenIn(one);
        return wanted !== "all" && card.dataset[one.dataset.by || "kind"] !== wanted;
      });
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
