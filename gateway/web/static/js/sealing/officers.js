// What two officers sign when a backup was restored and the log begins again; the same as gateway_verify/restore.py. Pure.

import { fromBase64, utf8 } from "./bytes.js";
import { verifyEd25519 } from "./proof.js";

const PURPOSE = "disclosure-gateway/restore/v1";

/**
 * Throws unless two officers signed what this first entry of a log declares, each with a key of her own. Whose keys these
 * are, the former log says: gateway-verify compares them.
 */
export async function checkOfficers({ partnership, refs, codes }) {
  const { first_officer, second_officer } = refs;
  const { former_origin, former_key, witnessed_size, witnessed_root, held, number, reasons, declared_at } = codes;
  const { first_key, first_signature, agreed_at, second_key, second_signature } = codes;
  const log = { former_origin, former_key, witnessed_size, witnessed_root, held, number };
  const declared = { partnership, ...log, reasons, first_officer, declared_at };
  const agreed = { ...declared, first_signature, second_officer, agreed_at };
  const signed = await Promise.all([
    isSigned(first_key, first_signature, { role: "declares", ...declared }),
    isSigned(second_key, second_signature, { role: "agrees", ...agreed }),
  ]);
  if (first_officer === second_officer || first_key === second_key || !signed.every(Boolean)) {
    throw new Error("two officers didn't sign how the log began");
  }
}

const isSigned = (key, signature, said) =>
  verifyEd25519(fromBase64(key), fromBase64(signature), utf8(canonical({ purpose: PURPOSE, ...said })));

// All values are ASCII text and whole numbers: of these, sorted, this is RFC 8785's form.
const canonical = (fields) =>
  JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1))));
