"""The keys of the log: Ed25519 signs every checkpoint, ML-DSA-44 the line beside it.

The Ed25519 key lies in a file or, so that nobody can copy it, in a hardware token. Tokens know no ML-DSA-44 yet: that
key always lies in a file, and with a token there need be none. There is no escrow: when the Ed25519 key is lost a new
life of the log begins, with keys of its own, whose first entry names the old log's last checkpoint.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify.checkpoint import cosigner_key
from gateway_verify.note import SignatureType, VerifierKey

from gateway.errors import Misconfigured, NotConfirmed
from gateway.key_settings import KeyProvider
from gateway.ledger import token_keys
from gateway.settings import Settings
from gateway.store.key_files import read_key_file, write_key_file

_BOTH, _BESIDE = "gateway-ledger-1", "gateway-ledger-beside-1"
_SEED = 32


class LogKeys(Protocol):
    """What signs for a log, under the name that the log has in its present life."""

    @property
    def second(self) -> MLDSA44PrivateKey | None:
        """The ML-DSA-44 key, where there is one."""
        ...

    def public(self, origin: str) -> tuple[VerifierKey, VerifierKey | None]:
        """Give the public halves under the log's name. Raises NotConfirmed when they can't be known now."""
        ...

    def sign(self, origin: str, text: bytes) -> bytes:
        """Give the Ed25519 signature of the log of that name. Raises NotConfirmed when there is none to be had."""
        ...


@dataclass(frozen=True)
class FileLogKeys:
    """Private keys in memory, read from a file: one pair signs for the log whatever its name is."""

    first: Ed25519PrivateKey
    second: MLDSA44PrivateKey

    def public(self, origin: str) -> tuple[VerifierKey, VerifierKey]:
        """Give the public halves under the log's name."""
        first = VerifierKey(origin, SignatureType.ED25519, self.first.public_key().public_bytes_raw())
        return first, cosigner_key(origin, self.second)

    def sign(self, origin: str, text: bytes) -> bytes:
        """Give the Ed25519 signature."""
        return self.first.sign(text)


def create_log_keys(path: Path) -> None:
    """Write new log keys to a file of mode 0600. Raises FileExistsError rather than replace one."""
    first, second = Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()
    _write(path, _BOTH, first.private_bytes_raw(), second.private_bytes_raw())


def load_log_keys(path: Path) -> FileLogKeys:
    """Read log keys. Raises Misconfigured when the file is missing, readable by others, or holds none."""
    first, second = _read(path, _BOTH, 2)
    return FileLogKeys(Ed25519PrivateKey.from_private_bytes(first), MLDSA44PrivateKey.from_seed_bytes(second))


def create_beside(path: Path) -> None:
    """Write a new ML-DSA-44 key for the line beside a token's. Raises FileExistsError rather than replace one."""
    _write(path, _BESIDE, MLDSA44PrivateKey.generate().private_bytes_raw())


def load_beside(path: Path) -> MLDSA44PrivateKey | None:
    """Read that key; None when there is no file. Raises Misconfigured when it can't be used."""
    if not path.exists():
        return None
    return MLDSA44PrivateKey.from_seed_bytes(*_read(path, _BESIDE, 1))


def open_log_keys(settings: Settings) -> LogKeys:
    """Give the keys that the settings name; raise Misconfigured when they aren't there."""
    keys = settings.keys
    if keys.ledger_provider is KeyProvider.FILE:
        return load_log_keys(keys.ledger_key_file)
    return token_keys.TokenLogKeys(keys, load_beside(keys.ledger_key_file))


def make_log_keys(settings: Settings, *, beside: bool = False) -> None:
    """Make the keys of a log's first life where the settings say.

    `beside` makes the ML-DSA-44 key too where a token holds the other. Raises FileExistsError or Misconfigured rather
    than replace one.
    """
    keys = settings.keys
    if keys.ledger_provider is KeyProvider.FILE:
        create_log_keys(keys.ledger_key_file)
        return
    token_keys.create(keys, token_keys.label_of(keys.ledger_label, settings.ledger.origin))
    if beside:
        create_beside(keys.ledger_key_file)


@contextmanager
def new_life(settings: Settings, number: int) -> Iterator[LogKeys]:
    """Make the keys of the log's life of that number; keep them when the block has ended well, else throw them away.

    In a file they take the place of the last life's, which is kept beside it as `<file>.epoch-<its number>`; in a token
    they lie beside them, labelled `<label>/epoch-<number>`. Raises Misconfigured when there are such keys already.
    """
    keys = settings.keys
    path, label = keys.ledger_key_file, f"{keys.ledger_label}/epoch-{number}"
    fresh = path.with_name(path.name + ".new")
    if fresh.exists():
        raise Misconfigured(
            f"{fresh} was left by an attempt that was broken off.",
            next_step=f"Move it to {path} if the log has begun again with it (`gateway check`); else delete it.",
        )
    with ExitStack() as undo:
        if keys.ledger_provider is KeyProvider.FILE:
            create_log_keys(fresh)
        elif path.exists():
            create_beside(fresh)
        undo.callback(fresh.unlink, missing_ok=True)
        if keys.ledger_provider is KeyProvider.PKCS11:
            token_keys.create(keys, label)
            undo.callback(token_keys.destroy, keys, label)
        try:
            yield _open_with(settings, fresh)
        except NotConfirmed as error:
            undo.pop_all()  # the act may have been stored, and then these are the log's keys
            raise NotConfirmed(
                error.message,
                next_step=f"Its new keys are kept: see whether it has begun again, then {fresh}.",
            ) from error
        undo.pop_all()
    if fresh.exists():
        path.rename(path.with_name(f"{path.name}.epoch-{number - 1}"))
        fresh.rename(path)


def _open_with(settings: Settings, file: Path) -> LogKeys:
    keys = settings.keys.model_copy(update={"ledger_key_file": file})
    return open_log_keys(settings.model_copy(update={"keys": keys}))


def _write(path: Path, mark: str, *seeds: bytes) -> None:
    write_key_file(path, mark, *(base64.b64encode(seed).decode() for seed in seeds))


def _read(path: Path, mark: str, count: int) -> Sequence[bytes]:
    advice = "Run `gateway init`, or name the file that belongs to this ledger."
    text = read_key_file(path, "ledger's key file", advice)
    try:
        found, *seeds = text.split()
        raw = [base64.b64decode(seed, validate=True) for seed in seeds]
    except ValueError:
        found, raw = "", []
    if found != mark or [len(seed) for seed in raw] != [_SEED] * count:
        raise Misconfigured(
            f"The file {path} holds no {'ledger keys' if mark == _BOTH else 'ML-DSA-44 key alone'}.",
            next_step="Restore it from its own backup."
            if mark == _BOTH
            else "The log's key is in its token: move away a file that holds another.",
        )
    return raw
