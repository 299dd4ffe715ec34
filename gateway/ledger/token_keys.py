"""The log's Ed25519 keys in a hardware token, not extractable: one to each life of the log, told apart by labels.

The first life's key has the label of the settings; that of a life called `<origin>/epoch-2` has `<label>/epoch-2`. So
it is the database that says which key signs, and a token that holds those of other lives too is never asked for the
wrong one.
"""

from __future__ import annotations

import re
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify.checkpoint import cosigner_key
from gateway_verify.note import SignatureType, VerifierKey

from gateway.errors import Misconfigured, NotConfirmed, Unavailable
from gateway.key_settings import KeySettings
from gateway.store.hardware_token import Token, Wanted, at_start, library

_ED25519 = bytes.fromhex("06032b6570")  # the curve's object identifier, 1.3.101.112 (RFC 8410), in DER
_PUBLIC_BYTES = 32
_LIFE = re.compile(r"/epoch-[0-9]+\Z")
_SETTINGS = "keys.ledger_module, keys.ledger_token and keys.ledger_pin"
_log = structlog.get_logger(__name__)


class TokenLogKeys:
    """The keys of a log whose Ed25519 key is in the token that the settings name.

    `second` is the ML-DSA-44 key, if there is one. Raises Misconfigured when the token can't be opened or holds no such
    key.
    """

    def __init__(self, keys: KeySettings, second: MLDSA44PrivateKey | None) -> None:
        pkcs11 = library()
        self.second = second
        self._label = keys.ledger_label
        self._token = _token(keys)
        self._eddsa = pkcs11.Mechanism.EDDSA
        self._private = pkcs11.ObjectClass.PRIVATE_KEY
        self._kind = pkcs11.KeyType.EC_EDWARDS
        with at_start():
            self._publics: dict[str, bytes] = self._token.use(self._read_publics)
        if not self._publics:
            raise Misconfigured(
                f"The token of the log's key holds none that is labelled {self._label}.",
                next_step="Make it with `gateway keys ledger`, or correct keys.ledger_label.",
            )

    def public(self, origin: str) -> tuple[VerifierKey, VerifierKey | None]:
        """Give the public halves under the log's name. Raises NotConfirmed when the token holds no key of that life."""
        second = cosigner_key(origin, self.second) if self.second else None
        return VerifierKey(origin, SignatureType.ED25519, self._public(label_of(self._label, origin))), second

    def sign(self, origin: str, text: bytes) -> bytes:
        """Give the Ed25519 signature of the log of that name. Raises NotConfirmed when the token doesn't give it.

        It is checked before it is used: a checkpoint is signed once, and what stood under it would stay there.
        """
        label = label_of(self._label, origin)
        public = Ed25519PublicKey.from_public_bytes(self._public(label))
        key = Wanted(self._private, self._kind, label)
        try:
            signature = self._token.ask(key, lambda found: bytes(found.sign(text, mechanism=self._eddsa)))
            public.verify(signature, text)
        except (Unavailable, RuntimeError, InvalidSignature) as error:
            raise _silent(error) from error
        return signature

    def _public(self, label: str) -> bytes:
        if label not in self._publics:
            try:
                self._publics = self._token.use(self._read_publics)
            except (Unavailable, RuntimeError) as error:
                raise _silent(error) from error
        if label not in self._publics:
            raise NotConfirmed(
                "The token of the log's key holds none for the log's present life.",
                next_step=f"Start the gateway with the token that holds the key {label}.",
            )
        return self._publics[label]

    def _read_publics(self, session: Any) -> dict[str, bytes]:
        """Give the public halves of the keys of this log, by label."""
        attribute, public = library().Attribute, library().ObjectClass.PUBLIC_KEY
        halves: dict[Any, dict[str, Any]] = {public: {}, self._private: {}}
        for half, by_label in halves.items():
            for key in session.get_objects({attribute.CLASS: half, attribute.KEY_TYPE: self._kind}):
                by_label[key.label] = key
        whole = halves[public].keys() & halves[self._private].keys()
        ours = [one for one in whole if label_of(self._label, one.removeprefix(self._label)) == one]
        # The point is the 32 bytes, as most tokens give it in a DER octet string.
        return {one: bytes(halves[public][one][attribute.EC_POINT])[-_PUBLIC_BYTES:] for one in ours}


def label_of(label: str, origin: str) -> str:
    """Give the label of the key of the life of a log that goes by this name."""
    life = _LIFE.search(origin)
    return label + (life.group() if life else "")


def create(keys: KeySettings, label: str) -> None:
    """Make an Ed25519 key inside the token, not extractable; raise Misconfigured when it can't, or `label` is taken."""
    pkcs11 = library()
    attribute = pkcs11.Attribute
    kept_inside = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
    with at_start(), _token(keys).writing() as session:
        if list(session.get_objects({attribute.LABEL: label})):
            raise Misconfigured(
                f"The token holds a key labelled {label} already.",
                next_step="Use it, choose another label, or delete it if no log was ever begun with it.",
            )
        try:
            curve = session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS, {attribute.EC_PARAMS: _ED25519}, local=True
            )
            curve.generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
                label=label,
                store=True,
                private_template=kept_inside,
            )
        except pkcs11.exceptions.PKCS11Error as error:
            raise Misconfigured(
                f"The token makes no Ed25519 key: {type(error).__name__}.",
                next_step="Take a token that knows EDDSA (PKCS#11 3.0), or keep the log's key in a file.",
            ) from error


def destroy(keys: KeySettings, label: str) -> None:
    """Destroy a key that no log was begun with. Raises Misconfigured when the token can't be opened."""
    attribute = library().Attribute
    with at_start(), _token(keys).writing() as session:
        for half in list(session.get_objects({attribute.LABEL: label})):
            half.destroy()


def _token(keys: KeySettings) -> Token:
    pin = keys.ledger_pin.get_secret_value() if keys.ledger_pin else ""
    return Token(keys.log_module, keys.ledger_token, pin, settings=_SETTINGS)


def _silent(error: Exception) -> NotConfirmed:
    _log.critical("ledger_key_silent", error=type(error.__cause__ or error).__name__)
    return NotConfirmed(
        "The token of the log's key doesn't sign, so this isn't confirmed as recorded.",
        next_step="Tell the operator at once, and try again later: the same attempt is never counted twice.",
    )
