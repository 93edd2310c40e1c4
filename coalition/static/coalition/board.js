// Drags a card to another column; what happens then is the card's own form. The board works without it.
let dragged = null;
const column = (event) => event.target.closest?.("[data-stage]");

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-card]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.id);
});
document.addEventListener("dragend", () => {
  dragged = null;
  document.querySelectorAll("[data-over]").forEach((over) => over.removeAttribute("data-over"));
});
document.addEventListener("dragover", (event) => {
  const over = dragged && column(event);
  if (!over) return;
  event.preventDefault();
  document.querySelectorAll("[data-over]").forEach((other) => other !== over && other.removeAttribute("data-over"));
  over.setAttribute("data-over", "");
});
document.addEventListener("drop", (event) => {
  const over = dragged && column(event);
  const form = dragged?.querySelector("form");
  if (!over || !form) return;
  event.preventDefault();
  if (over.contains(dragged)) return;
  form.elements.stage.value = over.dataset.stage;
  form.requestSubmit();
});
// "No, it is still a partner": the question goes away, the menu shows again where the card stands.
document.addEventListener("click", (event) => {
  const keep = event.target.closest?.("[data-board-keep]");
  const said = keep?.closest("#board-said");
  if (!said) return;
  event.preventDefault();
  said.replaceChildren();
  document.querySelectorAll("[data-card] form").forEach((form) => form.reset());
});
