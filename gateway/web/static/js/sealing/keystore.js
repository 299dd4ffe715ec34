// What this browser keeps: private keys that no script can read out, the log it trusts, and the last checkpoint of each it saw.

const DATABASE = "disclosure-gateway";
const KEYS = "keys";
const CHECKPOINTS = "checkpoints";
const TRUST = "trust";
const THE_LOG = "log";
const VERSION = 2;
const STORES = [
  [KEYS, "kid"],
  [CHECKPOINTS, "origin"],
  [TRUST, "id"],
];
// What a browser has that was here when the first version was.
const FIRST_STORES = 2;

export const keepKey = (kid, key) => write(KEYS, { kid, key });

export const dropKey = (kid) => request(KEYS, "readwrite", (store) => store.delete(kid));

/** Gives the private key with this id, or undefined. */
export const findKey = async (kid) => (await read(KEYS, kid))?.key;

/**
 * Gives the log this browser trusts, or undefined: {origin, vkeys, policy, lagHours, since}. What was kept before
 * browsers held on to a log has no policy.
 */
export async function trustedLog() {
  const kept = await read(TRUST, THE_LOG);
  const [former] = kept ? [] : await allCheckpoints();
  return kept ?? (former && { origin: former.origin, vkeys: [former.vkey] });
}

export const keepTrust = (log) => write(TRUST, { ...log, id: THE_LOG });

/** Gives {origin, size, root, vkey, note} of each log as it was last seen. */
export const allCheckpoints = () => request(CHECKPOINTS, "readonly", (store) => store.getAll());

/** Keeps a checkpoint, unless another tab has kept a later one of the same log meanwhile. */
export const keepCheckpoint = (checkpoint) =>
  request(CHECKPOINTS, "readwrite", (store) => {
    const asked = store.get(checkpoint.origin);
    asked.onsuccess = () => {
      const kept = asked.result;
      if (kept?.vkey !== checkpoint.vkey || kept.size < checkpoint.size) {
        store.put(checkpoint);
      }
    };
    return asked;
  });

const read = (name, key) => request(name, "readonly", (store) => store.get(key));

const write = (name, value) => request(name, "readwrite", (store) => store.put(value));

async function request(name, mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode);
      const asked = act(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, VERSION);
    asked.onupgradeneeded = ({ oldVersion }) => {
      STORES.slice(oldVersion && FIRST_STORES).forEach(([name, keyPath]) => asked.result.createObjectStore(name, { keyPath }));
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
