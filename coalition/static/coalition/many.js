// The list of people: tick everybody on a page, see how many are chosen. Everything else is a plain form.
(() => {
  const update = (form) => {
    const boxes = [...form.querySelectorAll('input[name="pk"]')];
    const all = form.querySelector("[data-tick-all]");
    const page = form.querySelector("[data-tick-page]");
    const count = form.querySelector("[data-many-count]");
    const ticked = boxes.filter((box) => box.checked).length;
    if (all && all.checked && ticked < boxes.length) all.checked = false;
    page.checked = boxes.length > 0 && ticked === boxes.length;
    page.indeterminate = ticked > 0 && ticked < boxes.length;
    const everybody = all && all.checked;
    count.hidden = everybody;
    count.textContent = ticked === 1 ? count.dataset.one : count.dataset.many.replace("{number}", ticked.toLocaleString(document.documentElement.lang));
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-many]");
    if (!form) return;
    const boxes = form.querySelectorAll('input[name="pk"]');
    if (event.target.matches("[data-tick-page]") || event.target.matches("[data-tick-all]")) {
      if (event.target.matches("[data-tick-page]") || event.target.checked) boxes.forEach((box) => { box.checked = event.target.checked; });
      const all = form.querySelector("[data-tick-all]");
      if (event.target.matches("[data-tick-page]") && all) all.checked = false;
    }
    update(form);
  });
  // The browser's Back keeps ticks: count them again.
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-many]").forEach(update));
  // Everybody is said once: no need to name each of them in the address.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-many]");
    if (form && form.querySelector("[data-tick-all]:checked")) form.querySelectorAll('input[name="pk"]').forEach((box) => { box.disabled = true; setTimeout(() => { box.disabled = false; }); });
  });
})();
