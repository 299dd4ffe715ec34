"""Where the gateway's own keys live: the root of the keys at rest, and the key that signs the log.

The two have different keepers: whoever held both could read what is stored and sign another history of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class KeyProvider(StrEnum):
    """What holds a key."""

    FILE = "file"
    PKCS11 = "pkcs11"


class KeySettings(BaseModel):
    """Keys at rest, and the gateway's own signing keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_provider: KeyProvider = Field(
        description="Where the root key lives: `file` (development and demonstrations only) or `pkcs11`."
    )
    root_file: Path = Field(description="The root key file, mode 0600, when the provider is `file`.")
    pkcs11_module: str = Field(description="Path of the hardware module's PKCS#11 library.")
    pkcs11_token: str = Field(description="Label of the PKCS#11 token that holds the root key.")
    pkcs11_label: str = Field(description="Label of the root key inside the token.")
    pkcs11_pin: SecretStr | None = Field(default=None, description="PIN of the PKCS#11 token. Secret.")
    ledger_provider: KeyProvider = Field(
        description="Where the key lives that signs ledger checkpoints: `file`, or `pkcs11` in a token of its own."
    )
    ledger_key_file: Path = Field(
        description="The private keys that sign ledger checkpoints, mode 0600 (made by `gateway init`); when the "
        "provider is `pkcs11` the ML-DSA-44 key alone, if one is wanted."
    )
    ledger_module: str = Field(
        description="Path of the PKCS#11 library of the log's token; empty for the one of `pkcs11_module`."
    )
    ledger_token: str = Field(
        description="Label of the PKCS#11 token that holds the log's key; production refuses the root key's."
    )
    ledger_label: str = Field(description="Label of the log's key inside its token.")
    ledger_pin: SecretStr | None = Field(
        default=None, description="PIN of the log's token; production refuses the root token's. Secret."
    )

    @property
    def log_module(self) -> str:
        """Give the path of the library that reaches the log's token."""
        return self.ledger_module or self.pkcs11_module


def key_rules(keys: KeySettings) -> Iterator[tuple[bool, str, str]]:
    """Give what production asks of the keys: whether it is broken, by which setting, and the remedy."""
    yield (
        keys.root_provider is KeyProvider.FILE,
        "keys.root_provider",
        "Keep the root key in hardware: `pkcs11`.",
    )
    yield not (keys.pkcs11_module and keys.pkcs11_token), "keys.pkcs11_module", "Name module and token."
    yield keys.pkcs11_pin is None, "keys.pkcs11_pin", "Give the token's PIN."
    if keys.ledger_provider is KeyProvider.PKCS11:
        yield from _apart(keys)


def _apart(keys: KeySettings) -> Iterator[tuple[bool, str, str]]:
    """A token has one PIN for all of its keys, so keys with different keepers lie in different tokens."""
    root, log = (keys.pkcs11_module, keys.pkcs11_token), (keys.log_module, keys.ledger_token)
    yield not keys.ledger_token, "keys.ledger_token", "Name the token of the log's key."
    yield root == log, "keys.ledger_token", "Keep the log's key in another token than the root key."
    yield keys.ledger_pin is None, "keys.ledger_pin", "Give the PIN of the log's token."
    yield keys.ledger_pin == keys.pkcs11_pin, "keys.ledger_pin", "Give the log's token a PIN of its own."
