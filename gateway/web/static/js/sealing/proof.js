// Proof files (c2sp.org/tlog-proof), signed checkpoints and openings of entries. Pure but for WebCrypto.

import { concat, fromBase64, hex, same, sha256, text, utf8 } from "./bytes.js";
import { leafHash, verifyInclusion } from "./merkle.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const PURPOSE = utf8("disclosure-gateway/entry/v1\0");
const PRIVATE = 0x01;
const PUBLIC = 0x10;
const ED25519 = 0x01;
const COSIGNATURE_ED25519 = 0x04;
const COSIGNATURE_MLDSA44 = 0x06;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;
const NUMBER_BYTES = 8;
// Past the year 10,000 no clock of ours says so.
const LAST_SECOND = 2 ** 38;

/** Reads "name+id+key"; gives {name, id, type, key, digest}: the id is the first four bytes of the digest. */
export async function readVerifierKey(vkey) {
  const [name, id, material] = splitAt(vkey, "+", 3);
  const data = fromBase64(material);
  const digest = await sha256(concat(utf8(`${name}\n`), data));
  if (hex(digest.slice(0, KEY_ID_BYTES)) !== id) {
    throw new Error("a key of the log was copied wrongly");
  }
  return { name, id, type: data[0], key: data.slice(1), digest };
}

/** Reads a signed checkpoint; gives {origin, size, root, text, signatures}. Nothing has been checked yet. */
export function readCheckpoint(note) {
  const end = note.lastIndexOf("\n\n");
  const signed = note.slice(0, end + 1);
  const lines = signed.split("\n");
  if (end < 0 || lines.length !== 4 || !/^(0|[1-9][0-9]{0,15})$/.test(lines[1])) {
    throw new Error("the log's checkpoint is not one");
  }
  const signatures = note
    .slice(end + 2)
    .split("\n")
    .filter(Boolean)
    .map((line) => splitAt(line, " ", 3))
    .filter(([dash]) => dash === "\u2014")
    .map(([, name, blob]) => ({ name, blob: fromBase64(blob) }));
  return { origin: lines[0], size: Number(lines[1]), root: fromBase64(lines[2]), text: signed, signatures, note };
}

/** Throws unless one of the log's own Ed25519 keys signed the checkpoint; gives that key's vkey. */
export async function checkSignature(checkpoint, vkeys) {
  for (const vkey of vkeys) {
    const { name, id, type, key } = await readVerifierKey(vkey);
    const signature = signatureOf(checkpoint, name, id);
    if (type !== ED25519 || name !== checkpoint.origin || !signature) {
      continue;
    }
    if (await verifyEd25519(key, signature, utf8(checkpoint.text))) {
      return vkey;
    }
    throw new Error("the signature under the log's checkpoint is wrong");
  }
  throw new Error("no known key of the log signed its checkpoint");
}

/**
 * Gives which of these witnesses (a Map of name to vkey) cosigned the checkpoint, as a Map of name to the time in seconds
 * (c2sp.org/tlog-cosignature). Throws when the signature of one doesn't fit; whose kind this browser can't check is left out.
 */
export async function cosigners(checkpoint, witnesses) {
  const found = new Map();
  for (const [policyName, vkey] of witnesses) {
    const { name, id, type, key } = await readVerifierKey(vkey);
    const blob = signatureOf(checkpoint, name, id);
    const verify = { [COSIGNATURE_ED25519]: verifyCosignature, [COSIGNATURE_MLDSA44]: verifySubtree }[type];
    const seconds = blob && verify ? timeOf(blob) : undefined;
    const held = seconds === undefined ? undefined : await verify(checkpoint, name, key, seconds, blob.slice(TIME_BYTES));
    if (held === false) {
      throw new Error("the signature of a witness doesn't fit the log's checkpoint");
    }
    if (held) {
      found.set(policyName, seconds);
    }
  }
  return found;
}

const signatureOf = ({ signatures }, name, id) =>
  signatures.find((one) => one.name === name && hex(one.blob.slice(0, KEY_ID_BYTES)) === id)?.blob.slice(KEY_ID_BYTES);

function timeOf(blob) {
  if (blob.length <= TIME_BYTES) {
    throw new Error("the signature of a witness is too short");
  }
  const seconds = blob.slice(0, TIME_BYTES).reduce((number, byte) => number * 256 + byte, 0);
  if (seconds >= LAST_SECOND) {
    throw new Error("a witness signed at a time beyond all clocks");
  }
  return seconds;
}

/** Whether an Ed25519 signature holds over a message. */
export async function verifyEd25519(key, signature, message) {
  const verifier = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, verifier, signature, message);
}

const verifyCosignature = (checkpoint, _name, key, seconds, signature) =>
  verifyEd25519(key, signature, utf8(`cosignature/v1\ntime ${seconds}\n${checkpoint.text}`));

async function verifySubtree({ origin, size, root }, name, key, seconds, signature) {
  const algorithm = { name: "ML-DSA-44" };
  const verifier = await crypto.subtle.importKey("raw-public", key, algorithm, false, ["verify"]).catch(() => undefined);
  const message = concat(
    utf8("subtree/v1\n\0"),
    ...[spelled(name), eightBytes(seconds), spelled(origin), eightBytes(0), eightBytes(size), root],
  );
  return verifier && crypto.subtle.verify(algorithm, verifier, signature, message);
}

const spelled = (name) => concat(Uint8Array.of(utf8(name).length), utf8(name));

function eightBytes(number) {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

/** Reads a proof file; gives {index, hashes, checkpoint, opening: {record, salt}}. */
export function readProof(file) {
  const end = file.indexOf("\n\n");
  const lines = file.slice(0, end).split("\n");
  if (end < 0 || lines[0] !== HEADER || !lines[1]?.startsWith("extra ") || !/^index (0|[1-9][0-9]{0,15})$/.test(lines[2])) {
    throw new Error("this is not a proof file with an entry");
  }
  return {
    index: Number(lines[2].slice("index ".length)),
    hashes: lines.slice(3).map(fromBase64),
    checkpoint: readCheckpoint(file.slice(end + 2)),
    opening: JSON.parse(text(fromBase64(lines[1].slice("extra ".length)))),
  };
}

/** Throws unless the entry shown is the one at its place in the log; gives its record. */
export async function checkProof(proof) {
  const leaf = await leafOf(proof.opening);
  await verifyInclusion(proof.index, proof.checkpoint.size, await leafHash(leaf), proof.hashes, proof.checkpoint.root);
  return JSON.parse(proof.opening.record);
}

/** Whether two checkpoints are the same one. */
export const sameCheckpoint = (one, other) =>
  one.origin === other.origin && one.size === other.size && same(one.root, other.root);

async function leafOf({ record, salt }) {
  if (!salt) {
    return concat(Uint8Array.of(PUBLIC), utf8(record));
  }
  const key = await crypto.subtle.importKey("raw", fromBase64(salt), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, concat(PURPOSE, utf8(record)));
  return concat(Uint8Array.of(PRIVATE), new Uint8Array(mac));
}

function splitAt(line, separator, count) {
  const parts = line.split(separator);
  if (parts.length < count) {
    throw new Error("a line of the log's checkpoint is not complete");
  }
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}
