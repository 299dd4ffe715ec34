// What this browser keeps: private keys that no script can read out, and the last checkpoint of each log it saw.

const DATABASE = "disclosure-gateway";
const KEYS = "keys";
const CHECKPOINTS = "checkpoints";

export const keepKey = (kid, key) => write(KEYS, { kid, key });

export const dropKey = (kid) => request(KEYS, "readwrite", (store) => store.delete(kid));

/** Gives the private key with this id, or undefined. */
export const findKey = async (kid) => (await read(KEYS, kid))?.key;

/** Gives {origin, size, root, vkey} of the log as it was last seen, or undefined. */
export const lastCheckpoint = (origin) => read(CHECKPOINTS, origin);

export const allCheckpoints = () => request(CHECKPOINTS, "readonly", (store) => store.getAll());

export const keepCheckpoint = (checkpoint) => write(CHECKPOINTS, checkpoint);

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
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore(KEYS, { keyPath: "kid" });
      asked.result.createObjectStore(CHECKPOINTS, { keyPath: "origin" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
