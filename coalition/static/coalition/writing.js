/* Writing a publication: the editors get their names, and what is pasted out of a word processor keeps its words apart. */
(() => {
  const RANKS = { H1: "h2", H4: "h3", H5: "h3", H6: "h3" };

  /* The editor knows headings of two ranks and no tables: other ranks become these, each row of a table a paragraph. */
  function tidied(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const heading of page.querySelectorAll(Object.keys(RANKS).join(","))) {
      const ours = page.createElement(RANKS[heading.tagName]);
      ours.append(...heading.childNodes);
      heading.replaceWith(ours);
    }
    for (const row of page.querySelectorAll("tr")) {
      const words = [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ").trim()).filter(Boolean);
      const paragraph = page.createElement("p");
      paragraph.textContent = words.join(" ");
      (row.closest("table") ?? row).before(paragraph);
    }
    page.querySelectorAll("table").forEach((table) => table.remove());
    return page.body.innerHTML;
  }

  document.addEventListener("paste", (event) => {
    const html = event.clipboardData?.getData("text/html") ?? "";
    const editor = event.target.closest?.(".bo-write [role=textbox]");
    if (!editor || !/<(h[1456]|tr)\b/i.test(html)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const data = new DataTransfer();
    data.setData("text/html", tidied(html));
    data.setData("text/plain", event.clipboardData.getData("text/plain"));
    event.target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, true);

  /* A hidden field cannot be named by its label; the editor in front of it can. */
  function name(editor) {
    const field = editor.closest("[data-field]")?.querySelector("[data-draftail-input]");
    const label = field && document.getElementById(`${field.id}-label`);
    if (!label) return;
    editor.setAttribute("aria-labelledby", label.id);
    label.onclick = () => editor.focus();
  }
  const nameAll = () => document.querySelectorAll(".bo-write [role=textbox]:not([aria-labelledby])").forEach(name);
  /* The editor draws itself more than once. */
  new MutationObserver(nameAll).observe(document.querySelector(".bo-write"), { childList: true, subtree: true });
  nameAll();
})();
