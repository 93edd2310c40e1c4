// Writing a message: put a merge field where the cursor was, and add a row for one more answer. The page works without it.
(() => {
  let last = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-merge]")) last = event.target;
  });

  for (const button of document.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      const field = last || document.querySelector("textarea[data-merge]");
      if (!field) return;
      field.focus();
      field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  const add = document.querySelector("[data-add-choice]");
  const list = document.querySelector("[data-choices]");
  const total = document.querySelector("[name=choices-TOTAL_FORMS]");
  const most = document.querySelector("[name=choices-MAX_NUM_FORMS]");
  if (add && list && total) {
    const full = () => Number(total.value) >= Number(most.value);
    add.hidden = full();
    add.addEventListener("click", () => {
      const number = Number(total.value);
      const row = document.querySelector("[data-choice-template]").innerHTML.replaceAll("__prefix__", number);
      list.insertAdjacentHTML("beforeend", row);
      total.value = number + 1;
      list.lastElementChild.querySelector("legend").textContent += ` ${number + 1}`;
      list.lastElementChild.querySelector("input:not([type=hidden])").focus();
      add.hidden = full();
    });
  }
})();
