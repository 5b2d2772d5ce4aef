"use strict";
// Sorts tables by their headers and filters clips. Without it the page is whole, and static.

// a cell's value: that of data-value, else its text; as a number where it begins with one
const valueOf = (cell) => {
  const text = (cell?.dataset.value ?? cell?.textContent ?? "").trim();
  const number = parseFloat(text.replace("\u2212", "-"));
  return Number.isNaN(number) ? text : number;
};

const isGap = (value) => value === "" || value === "\u2013";

const compare = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

function sortBy(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [valueOf(row.cells[column]), row]);
  rows.sort(([a], [b]) => {
    if (isGap(a) || isGap(b)) return isGap(a) - isGap(b); // gaps come last
    return descending ? compare(b, a) : compare(a, b);
  });
  body.append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const state = head.getAttribute("aria-sort");
      // numbers: the highest first; words: in alphabetical order
      const numbers = [...table.tBodies[0].rows].some(
        (row) => typeof valueOf(row.cells[column]) === "number",
      );
      const descending = state ? state === "ascending" : numbers;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(table, column, descending);
    });
  });
}

for (const form of document.querySelectorAll("form.filters")) {
  const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
  const { list, label, name } = form.elements;
  const has = (words, word) => !word || words.split(" ").includes(word);
  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      const fits =
        has(row.dataset.lists, list?.value) &&
        has(row.dataset.labels, label?.value) &&
        row.dataset.name.toLowerCase().includes(name.value.toLowerCase());
      row.hidden = !fits;
      shown += fits;
    }
    form.querySelector("output").value = `${shown} of ${rows.length} clips`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
}

// one player at a time
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);

// what is folded is printed too
const folded = [];
addEventListener("beforeprint", () => {
  folded.push(...document.querySelectorAll("details:not([open])"));
  for (const each of folded) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of folded.splice(0)) each.open = false;
});
