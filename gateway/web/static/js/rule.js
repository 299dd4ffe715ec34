// Says a rule in words, and shows its source, while it is being written. Without this the button does the same.

const WAIT_MILLISECONDS = 300;

const form = document.querySelector("form[data-preview]");
const panel = document.getElementById("preview");
const parts = {
  sentence: panel.querySelector('[data-part="sentence"]'),
  missing: panel.querySelector('[data-part="missing"]'),
  source: panel.querySelector('[data-part="source"]'),
};
let timer;
let latest = 0;

function show(found) {
  for (const [name, element] of Object.entries(parts)) {
    if (element.textContent !== found[name]) {
      element.textContent = found[name];
    }
    element.closest("[data-whole]").hidden = found[name] === "";
  }
}

async function ask() {
  const number = (latest += 1);
  const answer = await fetch(form.dataset.preview, {
    method: "POST",
    body: new FormData(form),
    credentials: "same-origin",
    redirect: "error",
  }).catch(() => null);
  // An answer that was overtaken by another one is old.
  if (answer?.ok && number === latest) {
    show(await answer.json());
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MILLISECONDS);
}

form.addEventListener("input", soon);
form.addEventListener("change", soon);
soon();
