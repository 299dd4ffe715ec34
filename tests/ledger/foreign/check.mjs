// Puts one entry, its proof and the checkpoint of our log before sigstore's own verifier; the case comes on stdin.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createPublicKey } from "node:crypto";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const inside = join(dirname(require.resolve("@sigstore/verify")), "tlog");
const { verifyCheckpoint } = require(join(inside, "checkpoint.js"));
const { verifyMerkleInclusion } = require(join(inside, "merkle.js"));

const given = JSON.parse(readFileSync(0, "utf-8"));
const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(given.publicKey, "base64")]);
const log = {
  logID: Buffer.from(given.keyId, "hex"),
  baseURL: given.origin,
  publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }),
};
for (const one of given.entries) {
  const entry = {
    canonicalizedBody: Buffer.from(one.leaf, "base64"),
    inclusionProof: {
      logIndex: String(one.index),
      hashes: one.hashes.map((hash) => Buffer.from(hash, "base64")),
      checkpoint: { envelope: given.checkpoint },
    },
  };
  verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
}
process.stdout.write(`${given.entries.length} entries verified\n`);
