/*
Makes a recipient's two keys in the browser, and restores them from their backup. Markup: the macros `make_keys` and
`restore_keys` in components/sealing.html.

<section data-gateway="make-keys"
    data-enrol-url  POST: registers the two public keys
    data-prove-url  POST: takes the proof that the private keys are here
    data-token      CSRF token
>
  [data-step="start"]    the button [data-action="make"]
  [data-step="words"]    [data-part="words"] (ol), [data-part="download"] (a), the button [data-action="written"]
  [data-step="check"]    a form [data-part="check"] with three times a label holding [data-part="place"] and an input
                         [data-part="word"]; [data-part="wrong"] (hidden error); its submit button
  [data-step="sending"]
  [data-step="done"]     [data-part="first"] and [data-part="spare"]: the fingerprints
  [data-step="trouble"]  [data-part="trouble"]
</section>

data-enrol-url  takes {"keys": [public JWK of the browser's key, public JWK of the spare]}
                gives {"challenges": [{"key_id", "kid", "place", "jwe"}]} (gateway.sealing.keys.Challenge)
data-prove-url  takes {"answers": [{"key_id", "answer"}]}; gives any JSON object

<section data-gateway="restore-keys">
  [data-step="start"]    a form [data-part="restore"] with a file input [data-part="file"] and a text area [data-part="typed"]
  [data-step="done"]     [data-part="restored"] (ul of fingerprints)
  [data-step="trouble"]  [data-part="trouble"], the button [data-action="again"]
</section>

[data-gateway="keys-here"], on any element, holds elements [data-kid] whose text becomes its data-here or data-absent.

The first key stays in this browser, where no script can read it out. The spare is in the backup file only, so that new
parcels can be sealed to it at once when this browser's key is lost or stolen.
*/

import { fromBase64Url, text } from "./sealing/bytes.js";
import { fingerprint, importPrivate, makeBackup, makeKey, openBackup, openSealed, thumbprint } from "./sealing/jwe.js";
import { dropKey, findKey, keepKey } from "./sealing/keystore.js";
import { Trouble, element, onAction, part, send, showStep, showTrouble } from "./sealing/parts.js";
import { makePassphrase, normalise, placesToAsk } from "./sealing/passphrase.js";

const COORDINATE_BYTES = 32;

document.querySelectorAll('[data-gateway="make-keys"]').forEach(makingKeys);
document.querySelectorAll('[data-gateway="restore-keys"]').forEach(restoringKeys);
document.querySelectorAll('[data-gateway="keys-here"]').forEach(showWhichAreHere);

function makingKeys(root) {
  const { enrolUrl, proveUrl, token } = root.dataset;
  let keys = [];
  let words = [];

  const orTrouble = (act) => async (event) => {
    event?.preventDefault();
    try {
      await act();
    } catch (error) {
      showTrouble(root, error);
    }
  };

  async function make() {
    keys = await Promise.all([makeKey(), makeKey()]);
    words = makePassphrase();
    part(root, "words").replaceChildren(...words.map((word) => element("li", "", word)));
    const backup = await makeBackup(keys.map((key) => key.privateJwk), words.join(" "));
    const link = part(root, "download");
    link.href = URL.createObjectURL(new Blob([backup], { type: "application/jose" }));
    link.download = "disclosure-gateway-keys.jwe";
    showStep(root, "words");
  }

  function ask() {
    const places = placesToAsk();
    root.querySelectorAll('[data-part="place"]').forEach((label, at) => {
      label.textContent = places[at];
    });
    root.querySelectorAll('[data-part="word"]').forEach((input, at) => {
      input.value = "";
      input.dataset.place = places[at];
    });
    part(root, "wrong").hidden = true;
    showStep(root, "check");
  }

  async function check() {
    const inputs = [...root.querySelectorAll('[data-part="word"]')];
    const wrong = inputs.find((input) => normalise(input.value) !== words[input.dataset.place - 1]);
    if (wrong) {
      part(root, "wrong").hidden = false;
      wrong.focus();
      return;
    }
    showStep(root, "sending");
    await enrol();
    part(root, "first").textContent = fingerprint(keys[0].kid);
    part(root, "spare").textContent = fingerprint(keys[1].kid);
    forget();
    showStep(root, "done");
  }

  async function enrol() {
    const [first] = keys;
    await keepKey(first.kid, await importPrivate(first.privateJwk));
    try {
      const { challenges } = await send(enrolUrl, token, { keys: keys.map((key) => key.publicJwk) });
      const answers = await Promise.all(challenges.map(answerTo));
      await send(proveUrl, token, { answers });
    } catch (error) {
      await dropKey(first.kid);
      throw error;
    }
  }

  async function answerTo({ key_id, kid, jwe }) {
    const { privateJwk } = keys.find((key) => key.kid === kid);
    return { key_id, answer: text(await openSealed(jwe, await importPrivate(privateJwk))) };
  }

  function forget() {
    URL.revokeObjectURL(part(root, "download").href);
    part(root, "words").replaceChildren();
    keys = [];
    words = [];
  }

  onAction(root, "make", orTrouble(make));
  onAction(root, "written", ask);
  onAction(root, "back", () => showStep(root, "words"));
  part(root, "check").addEventListener("submit", orTrouble(check));
}

function restoringKeys(root) {
  async function restore() {
    const file = part(root, "file").files[0];
    const typed = normalise(part(root, "typed").value);
    if (!file || !typed) {
      throw new Trouble("Choose the backup file and enter the ten words.", "incomplete");
    }
    const keys = await openBackup(await file.text(), typed).catch(() => {
      throw new Trouble("The ten words don't fit this backup file. Check each word and the file.", "wrong_words");
    });
    const restored = await Promise.all(keys.map(keep));
    part(root, "typed").value = "";
    part(root, "restored").replaceChildren(...restored.map((print) => element("li", "", print)));
    showStep(root, "done");
  }

  async function keep(jwk) {
    if ([jwk.x, jwk.y, jwk.d].some((value) => fromBase64Url(value).length !== COORDINATE_BYTES)) {
      throw new Trouble("This file isn't a backup of keys.", "wrong_file");
    }
    const kid = await thumbprint(jwk);
    await keepKey(kid, await importPrivate(jwk));
    return fingerprint(kid);
  }

  part(root, "restore").addEventListener("submit", async (event) => {
    event.preventDefault();
    await restore().catch((error) => showTrouble(root, error));
  });
  onAction(root, "again", () => showStep(root, "start"));
}

async function showWhichAreHere(root) {
  for (const place of root.querySelectorAll("[data-kid]")) {
    place.textContent = (await findKey(place.dataset.kid)) ? root.dataset.here : root.dataset.absent;
  }
}
