// Checks what the gateway hands out before any of it is opened: the ledger's proofs, and that it is the one trusted before.

import { fromBase64, hex, sha256, utf8 } from "./bytes.js";
import { unpack } from "./envelope.js";
import { keyIdOf, openSealed } from "./jwe.js";
import { allCheckpoints, findKey, keepCheckpoint, keepTrust, trustedLog } from "./keystore.js";
import { verifyConsistency } from "./merkle.js";
import { Trouble, send } from "./parts.js";
import { checkProof, readProof, sameCheckpoint } from "./proof.js";
import { changesFrom, howItBegan, isVouchedFor, shownIn, watchedUpTo } from "./trust.js";

const SEALED_BY = new Set(["release.made", "parcel.resealed", "epoch.reconfirmed"]);
const OPENED_BY = new Set(["parcel.opened", "parcel.delivered"]);
// Which digest stands for which parcel in an entry: the recipient's, and the releasing agency's own copy.
const SEALED_AS = { parcel: "parcel_digest", copy: "copy_digest" };

const UNPROVED = "The ledger doesn't prove that this was released to you, and that you opened it now.";

/** The log isn't the one this browser trusted, or its witnesses are late; `finding` is what to look at before going on. */
export class LogChanged extends Trouble {
  constructor(finding) {
    super("This isn't the ledger that your browser trusted.", finding.changes.length > 0 ? "log_changed" : "log_unwatched");
    this.finding = finding;
  }
}

/** Asks for a parcel, checks the proofs and opens it with the key in this browser; gives what `open` does. Throws Trouble. */
export async function fetchAndOpen({ url, token, parcel, kid }, { lateAccepted } = {}) {
  if (kid && !(await findKey(kid))) {
    throw noKey();
  }
  const { answer, seen } = await asked(url, token);
  return open(answer, parcel, { seen, lateAccepted });
}

/**
 * Asks for what is sealed; gives the `answer` and the checkpoints that this browser had `seen` when it asked: the answer
 * leads from those, whatever another tab sees meanwhile.
 */
export async function asked(url, token) {
  const seen = await allCheckpoints();
  return { answer: await send(url, token, { seen: seen.map(({ origin, size }) => ({ origin, size })) }), seen };
}

/**
 * Checks and opens one answer of the gateway; open.js says what is in it. Gives the envelope and `ledger`: {isFirst, shown,
 * checkpoint, watched}. `seen` are the checkpoints known when it was asked for; `lateAccepted` opens it although the log's
 * witnesses are late. Throws LogChanged and Trouble.
 */
export async function open(answer, parcel, { seen, lateAccepted }) {
  const { checkpoint, shown, place } = await checked("proof_failed", UNPROVED, () => checkEntries(answer, parcel));
  const ledger = await checkLog(answer, checkpoint, shown, { known: seen, place, lateAccepted });
  const key = await findKey(keyIdOf(answer.jwe));
  if (!key) {
    throw noKey();
  }
  const envelope = await checked("cannot_decrypt", "This parcel can't be opened with your key.", async () =>
    unpack(await openSealed(answer.jwe, key)),
  );
  if (envelope.parcel !== parcel) {
    throw new Trouble(inWords("This is another parcel than the one you asked for."), "proof_failed");
  }
  return { envelope, ledger };
}

async function checkEntries(answer, parcel) {
  const digest = hex(await sha256(utf8(answer.jwe)));
  const proofs = answer.proofs.map(readProof);
  const { checkpoint } = proofs[0];
  if (!proofs.every((proof) => sameCheckpoint(proof.checkpoint, checkpoint))) {
    throw new Error("the proofs lead to different checkpoints");
  }
  const shown = await shownIn(answer, checkpoint);
  const records = await Promise.all(proofs.map(checkProof));
  const sealed = records.some((record) => SEALED_BY.has(record.kind) && seals(record, parcel, digest));
  const opened = records.findIndex(({ kind, refs }) => OPENED_BY.has(kind) && refs.parcel === parcel);
  if (!sealed || opened < 0) {
    throw new Error("the entries are not about this parcel");
  }
  return { checkpoint, shown, place: proofs[opened].index };
}

// The parcel and its content stand in one entry: a content from one and a parcel from another prove nothing.
const seals = ({ refs, codes }, parcel, digest) =>
  Object.entries(SEALED_AS).some(([name, held]) => refs[name] === parcel && codes[held] === digest);

// What this browser trusted is held to: another log, fewer witnesses, a shorter or different history (DESIGN 7).
async function checkLog(answer, checkpoint, shown, { known, place, lateAccepted }) {
  const kept = await trustedLog();
  const seen = known.find(({ origin }) => origin === (kept ?? shown).origin);
  const signed = [answer.cosigned, checkpoint.note];
  const watched = await contradicted(signed, "What the ledger's witnesses signed isn't the ledger you were shown.", () =>
    watchedUpTo(answer, checkpoint, shown),
  );
  if (seen && seen.vkey === shown.vkeys[0]) {
    await checkHistory(seen, checkpoint, answer.consistency);
    if (place < seen.size) {
      // This browser had seen that entry before it asked: it is of an earlier opening, and this one isn't recorded.
      throw new Trouble(inWords(UNPROVED), "proof_failed");
    }
  }
  const changes = kept ? changesFrom(kept, shown) : [];
  const isLate = Boolean(watched?.isLate);
  if (changes.length > 0 || (isLate && !lateAccepted)) {
    const began = await whereFrom(answer, checkpoint, kept, seen);
    throw new LogChanged({ kept, shown, seen, checkpoint, changes, watched, isLate, ...began });
  }
  const { size, root, note } = checkpoint;
  await keepCheckpoint({ origin: shown.origin, size, root, vkey: shown.vkeys[0], note });
  await keepTrust({ ...shown, since: kept?.since ?? new Date() });
  return { isFirst: !kept, shown, checkpoint, watched };
}

async function whereFrom(answer, checkpoint, kept, seen) {
  if (!kept) {
    return {};
  }
  const broken = { follows: false, restores: [], isBroken: true };
  const began = await howItBegan(answer.begun, checkpoint, kept, seen).catch(() => broken);
  return { began, isVouchedFor: await isVouchedFor(answer, kept) };
}

async function checkHistory(seen, { size, root, note }, consistency) {
  const proof = size === seen.size ? [] : consistency.map(fromBase64);
  await contradicted([seen.note, note], "The ledger's history isn't the one this browser saw before.", () =>
    verifyConsistency(seen.size, size, seen.root, root, proof),
  );
}

// Two signed checkpoints that contradict each other are proof that anyone can check: the page offers them to be saved.
async function contradicted(notes, sentence, act) {
  try {
    return await act();
  } catch {
    throw Object.assign(new Trouble(inWords(sentence), "log_changed"), { notes: notes.filter(Boolean) });
  }
}

async function checked(code, sentence, act) {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Trouble ? error : new Trouble(inWords(sentence), code);
  }
}

const inWords = (sentence) =>
  `${sentence} Nothing is shown. Tell your information-governance officer before you try again.`;

const noKey = () =>
  new Trouble(
    "The key for this parcel isn't in this browser. Restore your keys from the backup file, then open it again. " +
      "If the backup is lost too, set up new keys and ask the agency that released this to seal it again.",
    "no_key",
  );
