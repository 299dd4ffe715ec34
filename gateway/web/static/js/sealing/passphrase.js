// Ten random words: 129 bits, to be written down once and kept apart from the backup file. Pure.

import WORDS from "../../vendor/words/words.js";

const COUNT = 10;
const RANGE = 2 ** 32;

export function makePassphrase() {
  return Array.from({ length: COUNT }, () => WORDS[below(WORDS.length)]);
}

/** Some places in the passphrase (from 1), in order, at which its owner is asked to repeat a word. */
export function placesToAsk(howMany = 3) {
  const places = new Set();
  while (places.size < howMany) {
    places.add(1 + below(COUNT));
  }
  return [...places].sort((one, other) => one - other);
}

/** The passphrase as it is typed, without what people add: capitals, commas, numbers, line breaks. */
export const normalise = (typed) =>
  typed
    .toLowerCase()
    .split(/[^a-z-]+/)
    .filter(Boolean)
    .join(" ");

// Without the rejection the first words of the list would come a little more often.
function below(limit) {
  const drawn = new Uint32Array(1);
  do {
    crypto.getRandomValues(drawn);
  } while (drawn[0] >= RANGE - (RANGE % limit));
  return drawn[0] % limit;
}
