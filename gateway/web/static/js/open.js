/*
Opens a parcel in the page of its recipient. Markup: the macro `open_parcel` in components/sealing.html.

<section data-gateway="open-parcel"
    data-url        POST: records the opening and hands out the parcel
    data-failed-url POST: records that opening failed
    data-token      CSRF token
    data-parcel     id of the parcel
    data-kid        key id to which it is sealed
    data-confirm-url, and parts of the steps that speak of the ledger: sealing/ledger.js
>
  [data-step="closed"]   what is shown first; holds the button [data-action="open"]
  [data-step="opening"]  shown while it is fetched and checked
  [data-step="opened"]   [data-part="marks"] (ul), [data-part="items"], the button [data-action="close"]
  [data-step="changed"]  shown when the log isn't the one this browser trusted: sealing/ledger.js
  [data-step="trouble"]  [data-part="trouble"], the button [data-action="open"] is reached by reloading
</section>

data-url        takes {"seen": [{"origin", "size"}]}: the logs this browser knows and how long they were.
                gives {"parcel": id,
                       "jwe": the compact JWE,
                       "proofs": [tlog-proof files with the opening as `extra`, all to one checkpoint],
                       "consistency": [base64 hashes from the size in `seen` for that origin to the checkpoint; [] if none],
                       "policy": the log's policy file: its vkeys, its witnesses and their quorum,
                       "lag_hours": how long its witnesses may be silent,
                       "cosigned": the newest checkpoint that they signed,
                       "cosigned_consistency": [base64 hashes from that checkpoint to the one of the proofs],
                       "begun": [tlog-proofs of the first entries of the log's lives that a restore began, newest first]}
                One proof is of the entry that released (release.made, parcel.resealed or epoch.reconfirmed) with the
                parcel's id in refs.parcel and the SHA-256 of the JWE in hexadecimal in codes.parcel_digest (of the
                agency's own copy: refs.copy, codes.copy_digest), one of the entry of this opening (parcel.opened or
                parcel.delivered) with the parcel's id in refs.parcel: it comes after all that was seen.
data-failed-url takes {"reason": "no_key" | "proof_failed" | "log_changed" | "log_unwatched" | "cannot_decrypt" | "not_shown"};
                the answer is not read.
Refusals are problem documents (RFC 9457); `detail` and `next_step` are shown.
*/

import { showChecked, showKept, troubleIn } from "./sealing/ledger.js";
import { fetchAndOpen } from "./sealing/opened.js";
import { Trouble, element, onAction, part, send, showStep } from "./sealing/parts.js";
import { show } from "./sealing/show.js";

const SERVER_REFUSED = new Set(["refused", "unreachable"]);

for (const root of document.querySelectorAll('[data-gateway="open-parcel"]')) {
  let close = () => {};
  const showError = troubleIn(root, open);

  async function open(accepted) {
    showStep(root, "opening");
    try {
      const { url, token, parcel, kid } = root.dataset;
      const { envelope, ledger } = await fetchAndOpen({ url, token, parcel, kid }, accepted);
      part(root, "marks").replaceChildren(...envelope.marks.map((mark) => element("li", "", mark)));
      close = await show(part(root, "items"), envelope.items);
      await showChecked(root, ledger);
      showStep(root, "opened");
    } catch (error) {
      clear();
      await showError(error);
      await report(error);
    }
  }

  function clear() {
    close();
    part(root, "marks").replaceChildren();
    part(root, "items").replaceChildren();
  }

  async function report(error) {
    const reason = error instanceof Trouble ? error.code : "not_shown";
    if (!SERVER_REFUSED.has(reason)) {
      await send(root.dataset.failedUrl, root.dataset.token, { reason }).catch(() => {});
    }
  }

  onAction(root, "open", () => open());
  onAction(root, "close", () => {
    clear();
    showKept(root);
    showStep(root, "closed");
  });
  // A page kept for the back button would show it to the next person at this screen.
  addEventListener("pagehide", clear);
  showKept(root);
}
