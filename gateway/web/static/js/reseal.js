/*
Seals a parcel again from the releasing agency's own copy, to a recipient's new key or a successor. The content is opened
and sealed in this browser; the server sees neither.

<section data-gateway="reseal"
    data-url        POST: records the opening of the own copy, hands it out with the key to seal to
    data-sealed-url POST: takes what was sealed again
    data-token      CSRF token
    data-parcel     id of the own copy
    data-kid        key id to which the own copy is sealed
    data-confirm-url, and parts of the steps that speak of the ledger: sealing/ledger.js
>
  [data-step="closed"]   the button [data-action="seal"]
  [data-step="opening"]
  [data-step="opened"]   what is shown when it is done
  [data-step="changed"]  shown when the log isn't the one this browser trusted: sealing/ledger.js
  [data-step="trouble"]  [data-part="trouble"]
</section>

data-url        takes and gives what open.js says, and also
                "target": {"parcel": id of the parcel to be made, "line": id, "jwk": public JWK}
data-sealed-url takes {"parcel", "jwe"} (gateway.sealing.parcel.take_sealed); gives any JSON object
*/

import { pack } from "./sealing/envelope.js";
import { seal } from "./sealing/jwe.js";
import { findKey } from "./sealing/keystore.js";
import { showChecked, showKept, troubleIn } from "./sealing/ledger.js";
import { asked, open } from "./sealing/opened.js";
import { Trouble, onAction, send, showStep } from "./sealing/parts.js";

for (const root of document.querySelectorAll('[data-gateway="reseal"]')) {
  const { url, sealedUrl, token, parcel, kid } = root.dataset;
  const showError = troubleIn(root, sealAgain);

  async function sealAgain(accepted) {
    showStep(root, "opening");
    try {
      await showChecked(root, await openAndSeal(accepted));
      showStep(root, "opened");
    } catch (error) {
      await showError(error);
    }
  }

  async function openAndSeal(accepted) {
    if (!(await findKey(kid))) {
      throw new Trouble("The key for your agency's copy isn't in this browser. Restore it from its backup first.", "no_key");
    }
    const { answer, seen } = await asked(url, token);
    const { envelope, ledger } = await open(answer, parcel, { seen, ...accepted });
    const { target } = answer;
    const packed = await pack({ ...envelope, parcel: target.parcel, line: target.line });
    await send(sealedUrl, token, { parcel: target.parcel, jwe: await seal(target.jwk, packed) });
    return ledger;
  }

  onAction(root, "seal", () => sealAgain());
  showKept(root);
}
