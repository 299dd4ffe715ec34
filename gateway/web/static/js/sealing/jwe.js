// Compact JWE with the gateway's one algorithm, and the backup of private keys. Pure but for WebCrypto; jose does the work.

import {
  CompactEncrypt,
  calculateJwkThumbprint,
  compactDecrypt,
  decodeProtectedHeader,
  exportJWK,
  importJWK,
} from "../../vendor/jose/index.js";
import { fromBase64Url, inGroups, text, utf8 } from "./bytes.js";

const ALG = "ECDH-ES+A256KW";
const ENC = "A256GCM";
const BACKUP_ALG = "PBES2-HS512+A256KW";
// The passphrase is random, so the count need not slow a guesser; a higher one no other tool would open.
const BACKUP_COUNT = 8192;
const CURVE = { name: "ECDH", namedCurve: "P-256" };
const USES = ["deriveBits"];

/** The RFC 7638 thumbprint: what names a key. */
export const thumbprint = ({ kty, crv, x, y }) => calculateJwkThumbprint({ kty, crv, x, y });

export const keyIdOf = (sealed) => decodeProtectedHeader(sealed).kid;

/** Makes a key pair that can be exported once, for the backup; gives {kid, publicJwk, privateJwk}. */
export async function makeKey() {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(CURVE, true, USES);
  const { kty, crv, x, y } = await exportJWK(publicKey);
  const publicJwk = { kty, crv, x, y };
  const { d } = await exportJWK(privateKey);
  return { kid: await thumbprint(publicJwk), publicJwk, privateJwk: { ...publicJwk, d } };
}

/** Gives the private key in a form that no script can read out again. */
export const importPrivate = ({ kty, crv, x, y, d }) =>
  crypto.subtle.importKey("jwk", { kty, crv, x, y, d }, CURVE, false, USES);

export async function openSealed(sealed, privateKey) {
  const options = { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: [ENC] };
  return (await compactDecrypt(sealed, privateKey, options)).plaintext;
}

export async function seal(publicJwk, plaintext) {
  const kid = await calculateJwkThumbprint(publicJwk);
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: ALG, enc: ENC, kid })
    .encrypt(await importJWK(publicJwk, ALG));
}

/** Six groups of five digits to be read aloud; the same as gateway/sealing/public_key.py. */
export const fingerprint = (kid) => inGroups(fromBase64Url(kid));

/** Gives the backup file: a compact JWE of a JWK set, which any JOSE tool opens with the passphrase. */
export function makeBackup(privateJwks, passphrase) {
  return new CompactEncrypt(utf8(JSON.stringify({ keys: privateJwks })))
    .setProtectedHeader({ alg: BACKUP_ALG, enc: ENC, cty: "jwk-set+json" })
    .setKeyManagementParameters({ p2c: BACKUP_COUNT })
    .encrypt(utf8(passphrase));
}

/** Gives the private JWKs of a backup; throws when the passphrase is wrong or the file isn't one. */
export async function openBackup(backup, passphrase) {
  const options = { keyManagementAlgorithms: [BACKUP_ALG], contentEncryptionAlgorithms: [ENC], maxPBES2Count: BACKUP_COUNT };
  const { plaintext } = await compactDecrypt(backup.trim(), utf8(passphrase), options);
  return JSON.parse(text(plaintext)).keys;
}
