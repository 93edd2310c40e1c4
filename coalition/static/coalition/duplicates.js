// The queue of duplicates by keyboard: j and k move, m merges, n tells apart; only while a pair has the focus.
(() => {
  const list = document.querySelector("[data-pairs]");
  if (!list) return;
  const current = () => document.activeElement.closest?.(".bo-pair-card");
  const go = (card) => { if (card) { card.focus(); card.scrollIntoView({ block: "nearest" }); } };
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const card = current();
    if (!card) { if (event.key === "j" && document.activeElement === document.body) go(list.firstElementChild); return; }
    if (event.key === "j") go(card.nextElementSibling);
    else if (event.key === "k") go(card.previousElementSibling);
    else if (event.key === "m") card.querySelector("[data-merge]")?.click();
    else if (event.key === "n") card.querySelector("[data-apart] button")?.click();
  });
  // A decided pair shrinks to a line; whoever works by keyboard goes on at the next.
  document.addEventListener("htmx:afterSwap", (event) => {
    const card = event.detail.elt;
    if (card.matches?.(".bo-pair-card")) go(card.querySelector("[data-apart]") ? card : card.nextElementSibling || card);
  });
})();
