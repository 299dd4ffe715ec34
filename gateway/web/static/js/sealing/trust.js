/*
Trust on first use, and then hold: the log that a gateway shows is compared with the one this browser keeps. A log is
{origin, vkeys (the one that signs every checkpoint first), policy (its witnesses and quorum), lagHours}.
*/

import { fromBase64, hex, inGroups, same } from "./bytes.js";
import { verifyConsistency } from "./merkle.js";
import { checkOfficers } from "./officers.js";
import { asksNobody, inWords, isMetBy, isWeaker, nameOf, readPolicy, textOf } from "./policy.js";
import { checkProof, checkSignature, cosigners, readCheckpoint, readProof, readVerifierKey, sameCheckpoint } from "./proof.js";

const SECONDS_AN_HOUR = 3600;
const BEGUN = "epoch.begun";

/** Gives the log that signed this checkpoint, as the answer shows it. Throws unless a key of it did. */
export async function shownIn({ policy, lag_hours: lagHours }, checkpoint) {
  const read = readPolicy(policy);
  const own = read.logs.filter((vkey) => nameOf(vkey) === checkpoint.origin);
  const signer = await checkSignature(checkpoint, own);
  if (!(lagHours > 0)) {
    throw new Error("it isn't said how long the log's witnesses may be silent");
  }
  return { origin: checkpoint.origin, vkeys: [signer, ...own.filter((vkey) => vkey !== signer)], policy: textOf(read), lagHours };
}

/** Gives what of the log isn't as it was kept, or is watched less: some of "origin", "key", "policy", "lag". */
export function changesFrom(kept, shown) {
  const isAnotherKey = kept.vkeys.some((vkey) => !shown.vkeys.includes(vkey)) || kept.vkeys[0] !== shown.vkeys[0];
  const isWatchedLess = kept.policy && isWeaker(readPolicy(shown.policy), readPolicy(kept.policy));
  const found = {
    origin: kept.origin !== shown.origin,
    key: isAnotherKey,
    policy: isWatchedLess,
    lag: shown.lagHours > kept.lagHours,
  };
  return Object.keys(found).filter((what) => found[what]);
}

/**
 * Gives what the log's witnesses signed: {size, at, isLate}, `at` in seconds and undefined while too few ever signed, or
 * undefined where the log asks for none. Throws when what they signed isn't a beginning of the checkpoint.
 */
export async function watchedUpTo(answer, checkpoint, shown) {
  const policy = readPolicy(shown.policy);
  if (asksNobody(policy)) {
    return undefined;
  }
  const signed = readCheckpoint(answer.cosigned);
  await checkSignature(signed, shown.vkeys);
  const path = answer.cosigned_consistency.map(fromBase64);
  await verifyConsistency(signed.size, checkpoint.size, signed.root, checkpoint.root, path);
  const at = quorumAt(policy, await cosigners(signed, policy.witnesses));
  // A clock that is wrong by more than the lag can't tell late from early.
  const isLate = at === undefined || Math.abs(Date.now() / 1000 - at) > shown.lagHours * SECONDS_AN_HOUR;
  return { size: signed.size, at, isLate };
}

const quorumAt = (policy, times) =>
  [...times.values()]
    .sort((one, other) => other - one)
    .find((at) => isMetBy(policy, new Set([...times.keys()].filter((name) => times.get(name) >= at))));

/** Whether the witnesses that the kept log asked for signed this one too; undefined where it asked for none. */
export async function isVouchedFor(answer, kept) {
  const policy = kept.policy && readPolicy(kept.policy);
  if (!policy || asksNobody(policy)) {
    return undefined;
  }
  const signed = await cosigners(readCheckpoint(answer.cosigned), policy.witnesses).catch(() => new Map());
  return isMetBy(policy, new Set(signed.keys()));
}

/**
 * Reads how the log began: each proof in `begun` is of the first entry of a life of it, the newest first, and names the
 * life before. Gives {follows, restores: [{former, at, witnessed, held, lost}], lostWhole, sawMore}: whether they lead to
 * the kept log as `seen` last, its size where nothing of it was left, and how many entries more had been seen of it.
 */
export async function howItBegan(begun, checkpoint, kept, seen) {
  const restores = [];
  let isUnder = (found) => sameCheckpoint(found, checkpoint);
  for (const file of begun) {
    const { codes, at } = await firstEntry(file, isUnder);
    const { former_origin: former, former_key: key, witnessed_size: witnessed, held } = codes;
    checkCounts(witnessed, held);
    restores.push({ former, at, witnessed, held, lost: Math.max(witnessed - held, 0) });
    const lostWhole = sizeOf(kept.origin, codes.lost_lives ?? []);
    if (lostWhole !== undefined) {
      return { follows: true, restores, lostWhole, sawMore: Math.max((seen?.size ?? 0) - lostWhole, 0) };
    }
    if (former === kept.origin && key === kept.vkeys[0]) {
      const isAnother = seen && seen.size === witnessed && !same(seen.root, fromBase64(codes.witnessed_root));
      return { follows: !isAnother, restores, sawMore: Math.max((seen?.size ?? 0) - witnessed, 0) };
    }
    isUnder = (found) => found.origin === former && checkSignature(found, [key]);
  }
  return { follows: false, restores, sawMore: 0 };
}

// A backup older than an earlier restore brings back nothing of the lives since: the entry names them, "origin:size".
function sizeOf(origin, lostLives) {
  const found = lostLives.find((life) => life.startsWith(`${origin}:`));
  const size = found && Number(found.slice(origin.length + 1));
  if (found) {
    checkCounts(size);
  }
  return size;
}

function checkCounts(...counts) {
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw new Error("the entry that should say how the log began doesn't say what was lost");
  }
}

async function firstEntry(file, isUnder) {
  const proof = readProof(file);
  const record = await checkProof(proof);
  if (!(await isUnder(proof.checkpoint)) || proof.index !== 0 || proof.opening.salt || record.kind !== BEGUN) {
    throw new Error("the entry that should say how the log began isn't its first");
  }
  await checkOfficers(record);
  return record;
}

/** The fingerprint of the log's key, and of its name with it. */
export const fingerprintOf = async ({ vkeys }) => inGroups((await readVerifierKey(vkeys[0])).digest);

/** What names the log's key in an entry. */
export const digestOf = async ({ vkeys }) => hex((await readVerifierKey(vkeys[0])).digest);

/** Who must sign the log, in words. */
export const watchersOf = ({ policy }) => (policy ? inWords(readPolicy(policy)) : "not known");

/** The witnesses of the log, by what they call themselves. */
export const witnessesOf = ({ policy }) => (policy ? [...readPolicy(policy).witnesses.values()].map(nameOf) : []);
