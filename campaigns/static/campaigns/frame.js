// Narrows a long list of boxes by what is typed. What is ticked stays in sight; the form works without this.
for (const set of document.querySelectorAll("[data-narrow]")) {
  const rows = [...set.querySelectorAll("li")];
  const find = set.querySelector("[data-narrow-find]");
  if (rows.length < 9) continue;
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const words = find.querySelector("input");
  find.hidden = false;
  words.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  words.addEventListener("input", () => {
    const wanted = fold(words.value).split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = fold(row.textContent);
      row.hidden = !row.querySelector(":checked") && !wanted.every((word) => text.includes(word));
    }
  });
}
