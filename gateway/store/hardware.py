"""The root key in a hardware module, through PKCS#11: it wraps and digests inside the module and never comes out."""

from __future__ import annotations

import secrets
from typing import Any

from gateway.errors import Misconfigured
from gateway.store.hardware_token import Token, Wanted, at_start, library
from gateway.store.root_keys import KEY_BYTES, NONCE_BYTES

_TAG_BITS = 128
_DIGEST_SUFFIX = "-digest"
_SETTINGS = "keys.pkcs11_module, keys.pkcs11_token and keys.pkcs11_pin"


class HardwareRootKey:
    """A root key inside a PKCS#11 token: an AES-256 key that wraps, and a secret of its own for digests.

    Takes the module's library, the token's label, its PIN and the key's label. Raises Misconfigured when one of them
    isn't there. Every act raises Unavailable while the token doesn't answer.
    """

    def __init__(self, module: str, token: str, pin: str, label: str) -> None:
        pkcs11 = library()
        self._gcm = pkcs11.Mechanism.AES_GCM
        self._hmac = pkcs11.Mechanism.SHA256_HMAC
        self._parameters = pkcs11.GCMParams
        secret = pkcs11.ObjectClass.SECRET_KEY
        self._token = Token(module, token, pin, settings=_SETTINGS)
        self._wrapping = Wanted(secret, pkcs11.KeyType.AES, label)
        self._digesting = Wanted(secret, pkcs11.KeyType.GENERIC_SECRET, label + _DIGEST_SUFFIX)
        self.name = f"pkcs11:{label}"
        with at_start():
            for key in (self._wrapping, self._digesting):
                self._token.ask(key, id)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Give `key` under AES-256-GCM with `context` as associated data."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        bound = self._bound(nonce, context)
        return nonce + self._token.ask(self._wrapping, lambda root: bytes(root.encrypt(key, **bound)))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Give the key; raise Misconfigured when this root or this context didn't wrap it."""
        bound = self._bound(wrapped[:NONCE_BYTES], context)
        body = wrapped[NONCE_BYTES:]
        try:
            return self._token.ask(self._wrapping, lambda root: bytes(root.decrypt(body, **bound)))
        except library().exceptions.PKCS11Error as error:
            raise Misconfigured(
                "The root key doesn't open this store's keys.",
                next_step="Start with the root key that belongs to this store (see keys/README.md).",
            ) from error

    def digest(self, data: bytes) -> bytes:
        """Give HMAC-SHA-256 of `data`."""
        return self._token.ask(self._digesting, lambda key: bytes(key.sign(data, mechanism=self._hmac)))

    def _bound(self, nonce: bytes, context: bytes) -> dict[str, Any]:
        return {"mechanism": self._gcm, "mechanism_param": self._parameters(nonce, context, _TAG_BITS)}


def create_hardware_root(module: str, token: str, pin: str, label: str) -> None:
    """Make the two root keys inside the token, not extractable; raise Misconfigured when `label` is taken."""
    pkcs11 = library()
    attribute = pkcs11.Attribute
    kept_inside = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
    with at_start(), Token(module, token, pin, settings=_SETTINGS).writing() as session:
        if list(session.get_objects({attribute.LABEL: label})):
            raise Misconfigured(
                "The token holds a key of that label already.",
                next_step="Choose another label, or use that key.",
            )
        session.generate_key(pkcs11.KeyType.AES, KEY_BYTES * 8, label=label, store=True, template=kept_inside)
        session.generate_key(
            pkcs11.KeyType.GENERIC_SECRET,
            KEY_BYTES * 8,
            label=label + _DIGEST_SUFFIX,
            store=True,
            capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
            mechanism=pkcs11.Mechanism.GENERIC_SECRET_KEY_GEN,
            template=kept_inside,
        )
