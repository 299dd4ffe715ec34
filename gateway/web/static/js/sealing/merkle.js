// RFC 6962 proofs: that an entry is in the log, and that a log grew from what was seen before. Pure.

import { concat, same, sha256 } from "./bytes.js";

const HASH_BYTES = 32;
const MOST_HASHES = 63;

export const leafHash = (leaf) => sha256(concat(Uint8Array.of(0), leaf));

const nodeHash = (left, right) => sha256(concat(Uint8Array.of(1), left, right));

const isSize = (number) => Number.isSafeInteger(number) && number >= 0;

function check(holds, sentence) {
  if (!holds) {
    throw new Error(sentence);
  }
}

function checkHashes(hashes) {
  check(hashes.length <= MOST_HASHES, "a proof is longer than any honest one");
  check(hashes.every((hash) => hash.length === HASH_BYTES), "a hash in a proof has the wrong length");
}

/** Throws unless the entry with this leaf hash is at `index` in the tree of `size` entries with this root (RFC 9162 2.1.3.2). */
export async function verifyInclusion(index, size, hash, proof, root) {
  check(isSize(index) && isSize(size) && index < size, "an entry can't be where the proof says");
  checkHashes(proof);
  let [node, last, made] = [index, size - 1, hash];
  for (const sibling of proof) {
    check(last > 0, "an inclusion proof is too long");
    if (node % 2 === 1 || node === last) {
      made = await nodeHash(sibling, made);
      while (node % 2 === 0 && node !== 0) {
        [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
      }
    } else {
      made = await nodeHash(made, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  check(last === 0, "an inclusion proof is too short");
  check(same(made, root), "the entry is not in the log that was signed");
}

/** Throws unless the tree of `size` entries begins with the tree of `before` entries (RFC 9162 2.1.4.2). */
export async function verifyConsistency(before, size, rootBefore, root, proof) {
  check(isSize(before) && isSize(size) && before > 0, "a comparison with an empty log says nothing");
  check(before <= size, "the log is shorter than it was");
  checkHashes(proof);
  if (before === size) {
    check(proof.length === 0 && same(rootBefore, root), "the log is not the one that was seen before");
    return;
  }
  const hashes = isPowerOfTwo(before) ? [rootBefore, ...proof] : [...proof];
  check(hashes.length > 0, "a consistency proof is missing");
  let [node, last] = [before - 1, size - 1];
  while (node % 2 === 1) {
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  let old = hashes[0];
  let made = hashes[0];
  for (const hash of hashes.slice(1)) {
    check(last > 0, "a consistency proof is too long");
    if (node % 2 === 1 || node === last) {
      old = await nodeHash(hash, old);
      made = await nodeHash(hash, made);
      while (node % 2 === 0 && node !== 0) {
        [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
      }
    } else {
      made = await nodeHash(made, hash);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  check(last === 0, "a consistency proof is too short");
  check(same(old, rootBefore) && same(made, root), "the log is not the one that was seen before");
}

function isPowerOfTwo(number) {
  let left = number;
  while (left % 2 === 0) {
    left /= 2;
  }
  return left === 1;
}
