// Checks what the gateway hands out before anything of it is opened: the ledger's proofs, and that its history still holds.

import { fromBase64, hex, sha256, utf8 } from "./bytes.js";
import { keyIdOf, openSealed } from "./jwe.js";
import { allCheckpoints, findKey, keepCheckpoint, lastCheckpoint } from "./keystore.js";
import { verifyConsistency } from "./merkle.js";
import { Trouble, send } from "./parts.js";
import { checkProof, checkSignature, readProof, sameCheckpoint } from "./proof.js";
import { unpack } from "./envelope.js";

const SEALED_BY = new Set(["release.made", "parcel.resealed", "epoch.reconfirmed"]);
const OPENED_BY = new Set(["parcel.opened", "parcel.delivered"]);

/** Asks for a parcel, checks the proofs and opens it with the key in this browser; gives the envelope. Throws Trouble. */
export async function fetchAndOpen({ url, token, parcel, kid }) {
  if (kid && !(await findKey(kid))) {
    throw noKey();
  }
  const seen = (await allCheckpoints()).map(({ origin, size }) => ({ origin, size }));
  return open(await send(url, token, { seen }), parcel);
}

/** Checks and opens one answer of the gateway: {parcel, jwe, proofs, consistency, log_keys}. */
export async function open(answer, parcel) {
  await checked("proof_failed", "The ledger doesn't prove that this was released to you.", () => checkEntries(answer, parcel));
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
  return envelope;
}

async function checkEntries(answer, parcel) {
  const digest = hex(await sha256(utf8(answer.jwe)));
  const proofs = answer.proofs.map(readProof);
  const { checkpoint } = proofs[0];
  if (!proofs.every((proof) => sameCheckpoint(proof.checkpoint, checkpoint))) {
    throw new Error("the proofs lead to different checkpoints");
  }
  const vkey = await checkSignature(checkpoint, answer.log_keys);
  const records = await Promise.all(proofs.map(checkProof));
  const sealed = records.some((record) => SEALED_BY.has(record.kind) && holds(record, digest));
  const opened = records.some((record) => OPENED_BY.has(record.kind) && holds(record, parcel));
  if (!sealed || !opened) {
    throw new Error("the entries are not about this parcel");
  }
  await checkHistory(checkpoint, vkey, answer.consistency);
}

// The last checkpoint this browser saw is kept: a shorter or different history is refused (DESIGN 7).
async function checkHistory(checkpoint, vkey, consistency) {
  const { origin, size, root } = checkpoint;
  const before = await lastCheckpoint(origin);
  if (before && before.vkey !== vkey) {
    throw new Trouble(inWords("The ledger is signed with another key than before."), "log_changed");
  }
  if (before) {
    const proof = size === before.size ? [] : (consistency ?? []).map(fromBase64);
    await checked("log_changed", "The ledger's history isn't the one this browser saw before.", () =>
      verifyConsistency(before.size, size, before.root, root, proof),
    );
  }
  await keepCheckpoint({ origin, size, root, vkey });
}

const holds = ({ refs, codes }, value) =>
  [...Object.values(refs), ...Object.values(codes)].flat().includes(value);

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
