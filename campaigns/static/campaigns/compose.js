// Writing a message: put a merge field where the cursor was, and add a row for one more answer. The page works without it.
(() => {
  // A merge field goes where somebody wrote last: a line, a text, or the rich text of an email.
  let last = null;
  const richOf = (element) =>
    [...(element.closest("[data-field-input]")?.querySelectorAll("input") ?? [])].find((i) => i.draftailEditor)?.draftailEditor;
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches("[data-merge]") || (target.isContentEditable && richOf(target))) last = target;
  });

  const intoRich = (editor, words) => {
    const { EditorState, Modifier } = window.DraftJS;
    const state = editor.getEditorState();
    const content = Modifier.replaceText(state.getCurrentContent(), state.getSelection(), words);
    const next = EditorState.push(state, content, "insert-characters");
    editor.onChange(EditorState.forceSelection(next, content.getSelectionAfter()));
  };

  const said = document.querySelector("[data-merge-said]");
  for (const button of document.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      const field = last?.isConnected ? last : document.querySelector("[data-merge]");
      if (!field) return;
      const editor = field.isContentEditable && richOf(field);
      if (editor) {
        intoRich(editor, button.dataset.insert);
      } else {
        field.focus();
        field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      if (said) said.textContent = button.dataset.inserted;
    });
  }

  // The summary of what to fix leads into rich text as well, whose own field is hidden.
  document.querySelector("[role=alert]")?.addEventListener("click", (event) => {
    const field = document.getElementById(event.target.closest("a")?.hash.slice(1));
    if (!field?.draftailEditor) return;
    event.preventDefault();
    field.closest("[data-field]").scrollIntoView({ block: "center" });
    field.draftailEditor.focus();
  });

  // Rich text says its name and its language, for screen readers and spelling.
  const letter = document.querySelector(".msg-letter");
  if (letter) {
    const speak = () => {
      for (const editor of letter.querySelectorAll("[contenteditable=true]:not([lang])")) {
        const place = editor.closest("[data-contentpath]");
        editor.lang = place.dataset.contentpath.match(/_([a-z]{2}(-[a-z]+)?)$/)?.[1] ?? "";
        editor.spellcheck = true;
        editor.setAttribute("aria-label", place.querySelector("label").textContent.trim());
      }
    };
    new MutationObserver(speak).observe(letter, { childList: true, subtree: true });
    speak();
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
