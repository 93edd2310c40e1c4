// The builder of segments: parts come from the server by htmx; here they only go, and the count is told.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove-part]");
  if (!button) return;
  const part = button.closest("fieldset");
  const around = part.parentElement.closest("fieldset");
  part.remove();
  around.querySelector(":scope > .bo-group__add select").focus();
  document.body.dispatchEvent(new Event("segment-changed"));
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest && event.target.closest("#builder")) document.body.dispatchEvent(new Event("segment-changed"));
});
