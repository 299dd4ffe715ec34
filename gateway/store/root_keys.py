"""The root of the keys at rest: one secret that wraps the epoch keys; in a file only for development."""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Misconfigured
from gateway.key_settings import KeyProvider, KeySettings
from gateway.store.key_files import read_key_file, write_key_file

KEY_BYTES = 32
NONCE_BYTES = 12
_MARK = "gateway-root-1:"


class RootKey(Protocol):
    """What a key store must offer: wrap and unwrap 32-byte keys, and a keyed digest; the secret never leaves it."""

    name: str  # written beside each wrapped key, so that a change of root can tell which root wrapped it

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Give `key` encrypted and bound to `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Give the key; raise Misconfigured when this root or this context didn't wrap it."""
        ...

    def digest(self, data: bytes) -> bytes:
        """Give a 32-byte HMAC-SHA-256 of `data` under a key of its own."""
        ...


class FileRootKey:
    """A root key in a file of mode 0600: for development and demonstrations only; settings refuse it in production."""

    def __init__(self, path: Path) -> None:
        secret = _read(path)
        wrapping, digesting = (_derive(secret, use) for use in (b"wrap", b"digest"))
        self.name = "file:" + _derive(secret, b"name").hex()[:16]
        self._cipher = AESGCM(wrapping)
        self._digesting = digesting

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Give `key` under AES-256-GCM with `context` as associated data."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Give the key; raise Misconfigured when this root or this context didn't wrap it."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise Misconfigured(
                "The root key doesn't open this store's keys.",
                next_step="Start with the root key that belongs to this store (see keys/README.md).",
            ) from error

    def digest(self, data: bytes) -> bytes:
        """Give HMAC-SHA-256 of `data`."""
        mac = hmac.HMAC(self._digesting, hashes.SHA256())
        mac.update(data)
        return mac.finalize()


def open_root_key(keys: KeySettings) -> RootKey:
    """Give the root key that the settings name; raise Misconfigured when it isn't there."""
    if keys.root_provider is KeyProvider.FILE:
        return FileRootKey(keys.root_file)
    from gateway.store.hardware import HardwareRootKey

    pin = keys.pkcs11_pin.get_secret_value() if keys.pkcs11_pin else ""
    return HardwareRootKey(keys.pkcs11_module, keys.pkcs11_token, pin, keys.pkcs11_label)


def create_root_key(keys: KeySettings) -> None:
    """Make the root key that the settings name; raise FileExistsError or Misconfigured rather than replace one."""
    if keys.root_provider is KeyProvider.FILE:
        create_root_file(keys.root_file)
        return
    from gateway.store.hardware import create_hardware_root

    pin = keys.pkcs11_pin.get_secret_value() if keys.pkcs11_pin else ""
    create_hardware_root(keys.pkcs11_module, keys.pkcs11_token, pin, keys.pkcs11_label)


def create_root_file(path: Path) -> None:
    """Write a new root key to `path` with mode 0600; raise FileExistsError rather than replace one."""
    write_key_file(path, _MARK + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


def _read(path: Path) -> bytes:
    advice = "Run `gateway init`, or set GATEWAY_KEYS__ROOT_FILE to the file that belongs to this store."
    text = read_key_file(path, "root key file", advice).strip()
    try:
        secret = base64.b64decode(text.removeprefix(_MARK), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(_MARK) or len(secret) != KEY_BYTES:
        raise Misconfigured(
            f"The file {path} holds no root key.", next_step="Restore the root key file from its own backup."
        )
    return secret


def _derive(secret: bytes, use: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"disclosure-gateway root " + use).derive(secret)
