// The arrow keys move from sign to sign; one sign at a time is a stop of the Tab key.
for (const table of document.querySelectorAll("[data-matrix]")) {
  const cells = [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1).map((cell) => cell.querySelector("a")));
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  let current = null;
  const choose = (link) => {
    if (current) current.tabIndex = -1;
    current = link;
    link.tabIndex = 0;
  };
  for (const link of cells.flat()) if (link) link.tabIndex = -1;
  const first = cells.flat().find(Boolean);
  if (first) choose(first);
  table.addEventListener("focusin", (event) => {
    if (event.target.matches(".matrix-cell")) choose(event.target);
  });
  table.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step || !event.target.matches(".matrix-cell")) return;
    event.preventDefault();
    let row = cells.findIndex((links) => links.includes(event.target));
    let column = cells[row].indexOf(event.target);
    // Over what was never asked to the next sign in that direction.
    for (row += step[0], column += step[1]; cells[row] && column >= 0 && column < cells[row].length; row += step[0], column += step[1]) {
      if (cells[row][column]) {
        cells[row][column].focus();
        cells[row][column].scrollIntoView({ block: "nearest", inline: "nearest" });
        break;
      }
    }
  });
}
