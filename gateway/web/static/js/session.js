// Warns before the session ends, tells the server when somebody stays, and leaves the page when time is up.
// Tabs share activity: staying in one keeps all of them.

const WARN_SECONDS = 120;
const SAY_EVERY_SECONDS = 15;

const dialog = document.getElementById("session-timeout");
const left = document.getElementById("session-timeout-left");
const said = document.getElementById("session-timeout-said");
const channel = "BroadcastChannel" in window ? new BroadcastChannel("session") : null;

const idle = Number(dialog.dataset.idle);
let ends = Date.now() + idle * 1000;

function inWords(seconds) {
  if (seconds > 60) {
    return `${Math.ceil(seconds / 60)} minutes`;
  }
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

function renewed() {
  ends = Date.now() + idle * 1000;
  if (dialog.open) {
    dialog.close();
  }
}

async function stay() {
  const answer = await fetch(dialog.dataset.extend, {
    method: "POST",
    headers: { "X-CSRFToken": dialog.dataset.token },
    credentials: "same-origin",
    redirect: "manual",
  }).catch(() => null);
  if (!answer || answer.status !== 204) {
    window.location.assign(dialog.dataset.ended);
    return;
  }
  renewed();
  channel?.postMessage("renewed");
}

function tick() {
  const seconds = Math.max(0, Math.round((ends - Date.now()) / 1000));
  if (seconds === 0) {
    window.location.assign(dialog.dataset.ended);
    return;
  }
  if (seconds > WARN_SECONDS) {
    return;
  }
  if (!dialog.open) {
    dialog.showModal();
  }
  left.textContent = inWords(seconds);
  if (seconds % SAY_EVERY_SECONDS === 0) {
    said.textContent = `You will be signed out in ${inWords(seconds)}.`;
  }
}

document.getElementById("session-timeout-stay").addEventListener("click", stay);
// Escape means "I am here", and the server must hear of it.
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  stay();
});
channel?.addEventListener("message", renewed);
channel?.postMessage("renewed");
setInterval(tick, 1000);
