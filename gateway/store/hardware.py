"""The root key in a hardware module, through PKCS#11: it wraps and digests inside the module and never comes out."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from gateway.errors import Misconfigured
from gateway.store.root_keys import KEY_BYTES, NONCE_BYTES

_TAG_BITS = 128
_DIGEST_SUFFIX = "-digest"


class HardwareRootKey:
    """A root key inside a PKCS#11 token: an AES-256 key that wraps, and a secret of its own for digests.

    Takes the module's library, the token's label, its PIN and the key's label. Raises Misconfigured when one of them
    isn't there. Make it in the process that uses it: PKCS#11 doesn't survive a fork.
    """

    def __init__(self, module: str, token: str, pin: str, label: str) -> None:
        pkcs11 = _library()
        self._gcm = pkcs11.Mechanism.AES_GCM
        self._hmac = pkcs11.Mechanism.SHA256_HMAC
        self._parameters = pkcs11.GCMParams
        self._refused = pkcs11.exceptions.PKCS11Error
        self._one_at_a_time = threading.Lock()  # a PKCS#11 session serves one caller at a time
        self._session = _opened(module, token, pin, writing=False)
        self._wrapping = _found(self._session, pkcs11.KeyType.AES, label)
        self._digesting = _found(self._session, pkcs11.KeyType.GENERIC_SECRET, label + _DIGEST_SUFFIX)
        self.name = f"pkcs11:{label}"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Give `key` under AES-256-GCM with `context` as associated data."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        with self._one_at_a_time:
            return nonce + bytes(self._wrapping.encrypt(key, **self._bound(nonce, context)))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Give the key; raise Misconfigured when this root or this context didn't wrap it."""
        nonce, body = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            with self._one_at_a_time:
                return bytes(self._wrapping.decrypt(body, **self._bound(nonce, context)))
        except self._refused as error:
            raise Misconfigured(
                "The root key doesn't open this store's keys.",
                next_step="Start with the root key that belongs to this store (see keys/README.md).",
            ) from error

    def digest(self, data: bytes) -> bytes:
        """Give HMAC-SHA-256 of `data`."""
        with self._one_at_a_time:
            return bytes(self._digesting.sign(data, mechanism=self._hmac))

    def _bound(self, nonce: bytes, context: bytes) -> dict[str, Any]:
        return {"mechanism": self._gcm, "mechanism_param": self._parameters(nonce, context, _TAG_BITS)}


def create_hardware_root(module: str, token: str, pin: str, label: str) -> None:
    """Make the two root keys inside the token, not extractable; raise Misconfigured when `label` is taken."""
    pkcs11 = _library()
    attribute = pkcs11.Attribute
    kept_inside = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
    with _opened(module, token, pin, writing=True) as session:
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


def _library() -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise Misconfigured(
            "The package for hardware modules isn't installed.",
            next_step="Install disclosure-gateway[pkcs11].",
        ) from error
    return pkcs11


def _opened(module: str, token: str, pin: str, *, writing: bool) -> Any:
    pkcs11 = _library()
    try:
        return pkcs11.lib(module).get_token(token_label=token).open(user_pin=pin, rw=writing)
    except (pkcs11.exceptions.PKCS11Error, RuntimeError) as error:
        raise Misconfigured(
            "The hardware module doesn't open its token.",
            next_step="Check keys.pkcs11_module, keys.pkcs11_token and keys.pkcs11_pin.",
        ) from error


def _found(session: Any, key_type: Any, label: str) -> Any:
    pkcs11 = _library()
    try:
        return session.get_key(key_type=key_type, label=label)
    except pkcs11.exceptions.PKCS11Error as error:
        raise Misconfigured(
            "The token holds no root key of that label.",
            next_step="Run `gateway keys root`, or correct the label.",
        ) from error
