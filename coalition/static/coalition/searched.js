// A list whose search is posted: the bar shows the address of what was found, which comes with the results.
document.addEventListener("w-swap:reflect", (event) => {
  const found = event.target.querySelector("[data-here]");
  if (!found) return;
  event.preventDefault();
  window.history.replaceState(null, "", found.dataset.here);
});
