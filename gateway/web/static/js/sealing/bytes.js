// Bytes, their spellings and their digests. Pure: runs in a browser and in Node.

const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);

export const text = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** Standard base64, read strictly: one text for one value. */
export function fromBase64(spelled) {
  const binary = atob(spelled);
  if (btoa(binary) !== spelled) {
    throw new Error("something that should be base64 is not");
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export const fromBase64Url = (spelled) =>
  fromBase64(spelled.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (spelled.length % 4)) % 4));

export const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

const GROUPS = 6;
const GROUP_BYTES = 5;

/** A digest as six groups of five digits, to be read aloud. */
export const inGroups = (digest) =>
  Array.from({ length: GROUPS }, (_, group) => {
    const bytes = digest.slice(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
    const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    return String(number % 100_000).padStart(5, "0");
  }).join(" ");
