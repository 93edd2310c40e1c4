// The builder of segments: parts come from the server by htmx; here they go, are looked for, and the count is told.
const builder = document.getElementById("builder");
const adder = document.getElementById("adder");
const changed = () => document.body.dispatchEvent(new Event("segment-changed"));
let opener = null;

// Words between the parts of a group, boxes that belong to another choice, and a box to find in a long list.
function arrange() {
  const words = { all: builder.dataset.and, any: builder.dataset.or, none: builder.dataset.nor };
  for (const group of builder.querySelectorAll(".bo-group")) {
    const how = document.getElementById(`${group.id}-how`);
    const joint = words[how.value || how.dataset.how];
    const parts = document.getElementById(`${group.id}-parts`).children;
    [...parts].forEach((part, number) => { if (number) part.dataset.joint = joint; else delete part.dataset.joint; });
  }
  for (const select of builder.querySelectorAll("select[data-shows]")) {
    for (const rule of select.dataset.shows.split(" ")) {
      const [name, values] = rule.split(":");
      const field = select.closest("fieldset").querySelector(`[data-field="${name}"]`);
      field.hidden = !values.split(",").includes(select.value);
    }
  }
  for (const field of builder.querySelectorAll(".bo-criterion__field[role=group]")) {
    const chosen = field.querySelector("input:checked");
    if (chosen && !field.dataset.seen) {  // what was chosen before is not hidden below the edge of its box
      const box = field.querySelector(":scope > div");
      box.scrollTop += chosen.closest("label").getBoundingClientRect().top - box.getBoundingClientRect().top - 12;
    }
    field.dataset.seen = "yes";
    if (field.querySelector("input[type=search]") || field.querySelectorAll("input[type=checkbox]").length < 12) continue;
    const find = Object.assign(document.createElement("input"), { type: "search", placeholder: builder.dataset.find });
    find.setAttribute("aria-label", builder.dataset.find);
    find.addEventListener("input", (event) => { event.stopPropagation(); narrow(field.querySelectorAll("label"), find.value); });
    find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
    field.querySelector(".bo-criterion__name").after(find);
  }
}

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
function narrow(items, words) {
  let shown = 0;
  for (const item of items) {
    const there = plain(item.textContent).includes(plain(words.trim()));
    const row = item.closest("li") || (item.parentElement.children.length === 1 ? item.parentElement : item);
    row.hidden = !there;
    shown += there;
  }
  return shown;
}

document.addEventListener("click", (event) => {
  const remove = event.target.closest("[data-remove-part]");
  if (remove) {
    const part = remove.closest("fieldset");
    const around = part.parentElement.closest("fieldset");
    part.remove();
    around.querySelector(":scope > .bo-group__add button").focus();
    arrange();
    changed();
  }
  const add = event.target.closest("[data-add-to]");
  if (add) {
    opener = add;
    document.getElementById("adder-find").value = "";
    document.getElementById("adder-failed").hidden = true;
    find();
    adder.showModal();
    document.getElementById("adder-find").focus();
  }
});

// The dialog: what can be asked.
function find() {
  const words = document.getElementById("adder-find").value;
  const family = (section) => plain(section.querySelector("h3").textContent).includes(plain(words.trim()));
  let shown = 0;
  for (const section of adder.querySelectorAll("[data-family]")) {
    const here = narrow(section.querySelectorAll("button"), words && family(section) ? "" : words);
    section.hidden = !here;
    shown += here;
  }
  document.getElementById("adder-none").hidden = shown > 0;
}
const offered = () => [...adder.querySelectorAll("[data-adds]")].filter((button) => button.offsetParent);
async function ask(key) {
  const group = document.getElementById(opener.dataset.addTo);
  document.getElementById("adder-failed").hidden = true;
  const url = new URL(adder.dataset.part, location.href);
  url.search = new URLSearchParams({ adds: key, parent: group.id, depth: group.dataset.depth });
  const response = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!response || !response.ok || response.redirected) {
    document.getElementById("adder-failed").hidden = false;
    return;
  }
  const parts = document.getElementById(`${group.id}-parts`);
  parts.insertAdjacentHTML("beforeend", await response.text());
  adder.close();
  htmx.process(parts.lastElementChild);
  arrange();
  parts.lastElementChild.querySelector("[autofocus], input:not([type=hidden]), select, textarea, button").focus();
  changed();
}
adder.addEventListener("click", (event) => {
  const button = event.target.closest("[data-adds]");
  if (button) ask(button.dataset.adds);
  else if (event.target === adder || event.target.closest("[data-close]")) adder.close();
});
adder.addEventListener("keydown", (event) => {
  const buttons = offered();
  const at = buttons.indexOf(document.activeElement);
  if (event.key === "ArrowDown") (buttons[at + 1] || buttons[0])?.focus();
  else if (event.key === "ArrowUp") (buttons[at - 1] || document.getElementById("adder-find")).focus();
  else if (event.key === "Enter" && at < 0 && event.target.id === "adder-find") { if (buttons[0]) ask(buttons[0].dataset.adds); }
  else return;
  event.preventDefault();
});
document.getElementById("adder-find").addEventListener("input", find);
adder.addEventListener("close", () => { if (document.activeElement === document.body) opener.focus(); });

builder.addEventListener("change", arrange);
document.addEventListener("htmx:afterSettle", (event) => {
  if (!event.target.closest || !event.target.closest("#builder")) return;
  arrange();
  changed();
});

// The count: a page that is not the count (somebody was signed out) is as good as none.
const finding = document.getElementById("finding");
const failed = (is) => { document.getElementById("finding-failed").hidden = !is; finding.classList.toggle("bo-stale", is); };
finding.addEventListener("htmx:beforeSwap", (event) => {
  const foreign = new URL(event.detail.xhr.responseURL).pathname !== new URL(finding.getAttribute("hx-post"), location.href).pathname;
  if (foreign || event.detail.xhr.status >= 400) event.detail.shouldSwap = false;
  failed(foreign || event.detail.xhr.status >= 400);
});
finding.addEventListener("htmx:sendError", () => failed(true));
finding.addEventListener("htmx:timeout", () => failed(true));
document.getElementById("finding-again").addEventListener("click", changed);
arrange();
