const fields = ["text", "paper", "verdict", "method"].map(id => document.getElementById(id)).filter(Boolean);
const items = [...document.querySelectorAll("[data-verdict]")];
const contents = new Map(items.map(item => [item, (item.dataset.id + " " + item.textContent).toLowerCase()]));
function filter() {
  const want = Object.fromEntries(fields.map(field => [field.id, field.value]));
  const words = (want.text || "").toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const item of items) {
    const data = item.dataset;
    item.hidden = !((!want.paper || data.paper === want.paper) && (!want.verdict || data.verdict === want.verdict)
      && (!want.method || data.method.split(", ").includes(want.method)) && words.every(word => contents.get(item).includes(word)));
    shown += !item.hidden;
  }
  for (const section of document.querySelectorAll("[data-section]"))
    section.hidden = !section.querySelector("[data-verdict]:not([hidden])");
  document.getElementById("shown").textContent = shown + " of " + items.length + " shown";
}
const form = document.querySelector("form[role=search]");
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
// A browser that goes back keeps what was typed.
filter();
// A link to a claim opens its evidence.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target && target.querySelector("details");
  if (details) details.open = true;
}
addEventListener("hashchange", unfold);
unfold();
