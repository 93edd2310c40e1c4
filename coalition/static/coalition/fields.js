// The choices of a field are asked for only where its kind has any.
for (const form of document.querySelectorAll("[data-field-form]")) {
  const choices = form.querySelector("[data-field-choices]");
  const kinds = [...form.querySelectorAll("input[name=kind]")];
  if (!choices || !kinds.length) continue;
  const withChoices = form.dataset.fieldForm.split(" ");
  const follow = () => {
    const kind = kinds.find((box) => box.checked);
    choices.hidden = !kind || !withChoices.includes(kind.value);
  };
  kinds.forEach((box) => box.addEventListener("change", follow));
  follow();
}
