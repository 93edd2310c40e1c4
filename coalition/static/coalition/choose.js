// Narrows a long table of boxes by words and by what each row is; counts what is chosen. The form works without it.
for (const box of document.querySelectorAll("[data-choose]")) {
  const rows = [...box.querySelectorAll("tbody tr[data-words]")];
  const words = box.querySelector("[data-choose-words]");
  const selects = [...box.querySelectorAll("[data-choose-by]")];
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const tick = (row) => row.querySelector("input:not(:disabled)");
  const count = () => {
    box.querySelector("[data-choose-count]").textContent = box.querySelectorAll("tbody input:checked").length;
  };
  const narrow = () => {
    const wanted = fold(words.value).split(/\s+/).filter(Boolean);
    for (const row of rows) {
      row.hidden =
        !wanted.every((word) => row.dataset.words.includes(word)) ||
        selects.some((select) => select.value && row.dataset[select.dataset.chooseBy] !== select.value);
    }
  };
  words.addEventListener("input", narrow);
  words.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  selects.forEach((select) => select.addEventListener("change", narrow));
  box.addEventListener("change", count);
  for (const button of box.querySelectorAll("[data-choose-all]")) {
    button.addEventListener("click", () => {
      rows.filter((row) => !row.hidden && tick(row)).forEach((row) => (tick(row).checked = Boolean(button.dataset.chooseAll)));
      count();
    });
  }
  box.querySelector("[data-choose-tools]").hidden = false;
  count();
}
