// The parts of a page that the scripts fill in: elements named by data-part, steps shown one at a time, requests.

/** An error whose message is meant for the person at the screen, with a code for the gateway's log. */
export class Trouble extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

export const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

export const onAction = (root, name, act) =>
  root.querySelector(`[data-action="${name}"]`)?.addEventListener("click", act);

/** Shows one of the element's steps, hides the others and moves the focus to it, so that it is read out. */
export function showStep(root, name) {
  for (const step of root.querySelectorAll("[data-step]")) {
    step.hidden = step.dataset.step !== name;
  }
  const shown = root.querySelector(`[data-step="${name}"]`);
  shown.tabIndex = -1;
  shown.focus();
}

/** Shows what went wrong in the element's step "trouble". */
export function showTrouble(root, error) {
  part(root, "trouble").textContent =
    error instanceof Trouble ? error.message : "Something went wrong in this browser. Reload the page and try again.";
  showStep(root, "trouble");
}

/** Sends JSON and gives the JSON of the answer; throws Trouble with the gateway's own words when it refuses. */
export async function send(url, token, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/problem+json, application/json;q=0.9", "X-CSRFToken": token },
    body: JSON.stringify(body),
    cache: "no-store",
    redirect: "error",
  }).catch(() => {
    throw new Trouble("The gateway can't be reached. Check the connection and try again.", "unreachable");
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const words = [said.detail ?? said.title, said.next_step].filter(Boolean).join(" ");
    throw new Trouble(words || "The gateway refused this. Reload the page and try again.", "refused");
  }
  return said;
}

export function element(name, className, content) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = content ?? "";
  return made;
}
