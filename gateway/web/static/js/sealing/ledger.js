/*
What a page that opens something says of the ledger. Markup: the macros `ledger_kept`, `ledger_checked` and
`ledger_changed` in components/sealing.html, all in one element with
    data-confirm-url POST: records that she asked somebody and trusts the log that was shown
    data-token       CSRF token

data-confirm-url takes {"former_key", "shown_key": digests of the vkeys kept and shown, in hexadecimal,
                        "because": some of "origin", "key", "policy", "lag", "unwatched",
                        "declared": whether the log's first entry names the kept log as the one before it,
                        "asked": "officer" | "witness"}; gives any JSON object

  [data-part="kept"]       an element, hidden while nothing is kept, with [data-part="kept-log"] (dl)
  [data-part="nothing-kept"] what is said instead
  [data-part="checked"]    a paragraph; [data-part="first"], hidden but at the first visit, with [data-part="first-log"] (dl)
  [data-step="changed"]    [data-part]s "changed-title", "changes" (ul), "began" (div), "warning" in a hidden box
                           "warning-box", "compared" (dl), "ask-whom"; a form "confirm" with the radios named "asked" (that of a
                           witness in "asked-witness", hidden when none is known), a group
                           "digits-group" with an input named "digits", the errors "asked-wrong" and "digits-wrong", its
                           submit button and the button [data-action="refuse"]
  a[data-part="evidence"]  in the steps "changed" and "trouble": saves what this browser saw
*/

import { allCheckpoints, keepTrust, trustedLog } from "./keystore.js";
import { Trouble, element, onAction, part, send, showStep, showTrouble } from "./parts.js";
import { digestOf, fingerprintOf, watchersOf, witnessesOf } from "./trust.js";

const REFUSED =
  "Nothing was opened, and this browser still trusts the ledger it trusted before. Tell your information-governance " +
  "officer what you saw before you try again.";

const UNTOLD =
  "This isn't the ledger that your browser trusted, and what it says of itself can't be read. Nothing was opened. Tell your " +
  "information-governance officer.";

const moment = (when) => new Date(when).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });

const entries = (number) => `${number.toLocaleString("en-GB")} ${number === 1 ? "entry" : "entries"}`;

const paragraph = (words) => element("p", "govuk-body", words);

/** Shows what this browser keeps of the ledger, before anything is asked of the gateway. */
export async function showKept(root) {
  const kept = await trustedLog();
  part(root, "kept").hidden = !kept;
  part(root, "nothing-kept").hidden = Boolean(kept);
  if (kept) {
    const seen = (await allCheckpoints()).find(({ origin }) => origin === kept.origin);
    const since = kept.since ? [["Since", moment(kept.since)]] : [];
    const last = seen ? [["Last seen with", entries(seen.size)]] : [];
    fill(part(root, "kept-log"), [...(await rowsOf(kept)), ...since, ...last]);
  }
}

/** Says what was checked of the ledger, beside what was opened. */
export async function showChecked(root, { isFirst, shown, checkpoint, watched }) {
  part(root, "checked").textContent = `Your browser checked the ledger. ${whoWatched(shown, checkpoint, watched)}`;
  part(root, "first").hidden = !isFirst;
  if (isFirst) {
    fill(part(root, "first-log"), await rowsOf(shown));
  }
}

function whoWatched(shown, checkpoint, watched) {
  if (!watched) {
    return "It has no witnesses outside, so what was added since you last looked could still be taken back.";
  }
  const signed = watched.at === undefined ? "never signed it" : `last signed it at ${moment(watched.at * 1000)}`;
  const since = checkpoint.size - watched.size;
  const newer = since > 0 ? ` ${entries(since)} came after that and could still be taken back.` : "";
  return `Its witnesses (${watchersOf(shown)}) ${signed}.${newer}`;
}

/**
 * Shows what went wrong. When the log isn't the one this browser trusted, that is shown first; once she has confirmed it,
 * `goOn` is called with {lateAccepted}. Gives the function that shows an error.
 */
export function troubleIn(root, goOn) {
  const { confirmUrl, token } = root.dataset;
  const form = part(root, "confirm");
  let finding;

  async function confirm() {
    const asked = new FormData(form).get("asked");
    if (!(await isFilledIn(root, finding, asked))) {
      return;
    }
    await send(confirmUrl, token, await changeOf(finding, asked));
    if (finding.changes.length > 0) {
      await keepTrust({ ...finding.shown, since: new Date() });
    }
    await goOn({ lateAccepted: finding.isLate });
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await confirm().catch((error) => showTrouble(root, error));
  });
  onAction(root, "refuse", () => showTrouble(root, new Trouble(REFUSED, "refused")));

  async function show(error) {
    finding = error.finding;
    offer(root, finding ? await told(finding) : error.notes);
    if (!finding) {
      showTrouble(root, error);
      return;
    }
    form.reset();
    await showChange(root, finding);
    showStep(root, "changed");
  }

  // What a made-up log says may break the telling of it; then nothing is opened either.
  return (error) => show(error).catch(() => showTrouble(root, new Trouble(UNTOLD, "log_changed")));
}

async function isFilledIn(root, { shown, changes }, asked) {
  const input = root.querySelector('[name="digits"]');
  const isAnotherLog = isAnother(changes);
  const faults = {
    asked: !asked,
    digits: isAnotherLog && input.value.trim() !== (await fingerprintOf(shown)).split(" ").at(-1),
  };
  for (const [name, isWrong] of Object.entries(faults)) {
    const said = part(root, `${name}-wrong`);
    said.hidden = !isWrong;
    const field = name === "asked" ? said.closest("fieldset") : input;
    said.closest(".govuk-form-group").classList.toggle("govuk-form-group--error", isWrong);
    field[isWrong ? "setAttribute" : "removeAttribute"]("aria-describedby", said.id);
  }
  const first = Object.keys(faults).find((name) => faults[name]);
  if (first) {
    root.querySelector(`[name="${first}"]`).focus();
  }
  return !first;
}

const isAnother = (changes) => changes.includes("origin") || changes.includes("key");

async function changeOf({ kept, shown, changes, isLate, began }, asked) {
  return {
    former_key: await digestOf(kept ?? shown),
    shown_key: await digestOf(shown),
    because: becauseOf({ changes, isLate }),
    declared: isAnother(changes) && began.follows,
    asked,
  };
}

async function showChange(root, finding) {
  const { kept, shown, changes } = finding;
  const isAnotherLog = isAnother(changes);
  part(root, "changed-title").textContent = titleOf(changes, isAnotherLog);
  part(root, "changes").replaceChildren(...sentencesOf(finding).map((words) => element("li", "", words)));
  part(root, "began").replaceChildren(...(isAnotherLog ? beganInWords(finding).map(paragraph) : []));
  const warning = isAnotherLog ? warningOf(finding) : "";
  part(root, "warning-box").hidden = !warning;
  part(root, "warning").textContent = warning;
  part(root, "digits-group").hidden = !isAnotherLog;
  part(root, "ask-whom").textContent = askWhom(kept ?? shown);
  part(root, "asked-witness").hidden = witnessesOf(kept ?? shown).length === 0;
  const before = kept ? await rowsOf(kept, "before") : [];
  const now = await rowsOf(shown, "now");
  fill(part(root, "compared"), now.flatMap((row, at) => [...before.slice(at, at + 1), row]));
}

function titleOf(changes, isAnotherLog) {
  if (isAnotherLog) {
    return "This is not the ledger that your browser trusted";
  }
  return changes.length > 0 ? "This ledger is watched less than before" : "Nobody outside has confirmed this ledger lately";
}

function sentencesOf({ kept, shown, changes, watched, isLate }) {
  const words = {
    origin: "It has another name.",
    key: "It is signed with another key.",
    policy: "Other witnesses, or fewer, must sign it.",
    lag: `Its witnesses may be silent for ${shown.lagHours} hours. Before it was ${kept?.lagHours}.`,
  };
  return [...changes.map((what) => words[what]), ...(isLate ? [lateInWords(shown, watched)] : [])];
}

function lateInWords(shown, { at }) {
  if (at === undefined) {
    return `Its witnesses (${watchersOf(shown)}) have not signed it.`;
  }
  return (
    `Its witnesses (${watchersOf(shown)}) signed it at ${moment(at * 1000)}. That is more than ${shown.lagHours} hours from ` +
    `what this computer's clock says, ${moment(Date.now())}.`
  );
}

function beganInWords({ kept, began, isVouchedFor }) {
  if (!began.follows) {
    return [];
  }
  const declared = began.restores.map(({ former, at, witnessed, held, lost }, step) => {
    const what = step === 0 ? "Its first entry, signed by two officers, says for anyone to read that it" : began.restores[step - 1].former;
    return (
      `${what} took the place of ${former} at ${moment(at)}, after a restore from backup. Witnesses had seen ` +
      `${entries(witnessed)}, the backup held ${held.toLocaleString("en-GB")}, and ${lost.toLocaleString("en-GB")} were lost.`
    );
  });
  const all = `all ${entries(began.lostWhole ?? 0)} of it were lost`;
  const whole = `It says that nothing was left of the ledger your browser trusted: ${all}.`;
  const more = `Your browser had seen ${entries(began.sawMore)} more than that, which the declaration doesn't count.`;
  const vouched = `The witnesses that your browser knew (${watchersOf(kept)}) have signed the new ledger.`;
  return [
    ...declared,
    ...(began.lostWhole === undefined ? [] : [whole]),
    ...(began.sawMore ? [more] : []),
    ...(isVouchedFor ? [vouched] : []),
  ];
}

function warningOf({ kept, began, isVouchedFor }) {
  if (!began.follows) {
    const first = began.isBroken
      ? "The entry that should say where this ledger comes from does not hold."
      : "This ledger does not say that it follows the one your browser trusted.";
    const both = witnessesOf(kept).length > 0 ? "your officer and a witness both tell" : "your officer tells";
    return (
      `${first} After an honest restore it would. Somebody may be showing you a made-up ledger to hide who was told what. ` +
      `Do not trust it unless ${both} you this fingerprint.`
    );
  }
  if (isVouchedFor === false) {
    return (
      `The witnesses that your browser knew (${watchersOf(kept)}) have not signed this ledger. Whoever controls the gateway ` +
      "could have written that first entry. Do not trust it before a witness has told you this fingerprint."
    );
  }
  return isVouchedFor
    ? ""
    : "Your browser knows no witness of it, and whoever controls the gateway could have written that first entry.";
}

function askWhom(log) {
  const names = witnessesOf(log);
  const witness = names.length > 0 ? `, or a witness of the ledger (${names.join(", ")}),` : "";
  return (
    `Ask your information-governance officer${witness} what has happened. Use a telephone number or an address that you had ` +
    "before, and not one from these pages."
  );
}

async function rowsOf(log, when = "") {
  const named = (what) => (when ? `${what} ${when}` : what);
  return [
    [named("Fingerprint"), await fingerprintOf(log)],
    [named("Name"), log.origin],
    [named("Who must sign it"), watchersOf(log)],
  ];
}

function fill(list, rows) {
  const made = rows.map(([key, value]) => {
    const row = element("div", "govuk-summary-list__row");
    row.append(element("dt", "govuk-summary-list__key", key), element("dd", "govuk-summary-list__value", value));
    return row;
  });
  list.replaceChildren(...made);
}

// For her officer and the witnesses: both ledgers as they were signed.
async function told({ kept, shown, seen, checkpoint, changes, isLate }) {
  const before = kept
    ? [`Kept by this browser: ${await fingerprintOf(kept)}`, ...kept.vkeys, kept.policy ?? "", seen?.note ?? ""]
    : [];
  const now = `Shown to it at ${new Date().toISOString()}: ${await fingerprintOf(shown)}`;
  const what = becauseOf({ changes, isLate }).join(" ");
  return [what, ...before, now, ...shown.vkeys, shown.policy, checkpoint.note];
}

const becauseOf = ({ changes, isLate }) => [...changes, ...(isLate ? ["unwatched"] : [])];

function offer(root, notes) {
  for (const link of root.querySelectorAll('[data-part="evidence"]')) {
    URL.revokeObjectURL(link.href);
    link.hidden = !notes?.length;
    link.href = notes?.length ? URL.createObjectURL(new Blob([notes.join("\n\n")], { type: "text/plain" })) : "#main-content";
    link.download = "ledger-as-seen.txt";
  }
}
