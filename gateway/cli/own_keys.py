"""What a recipient's system does with its own keys, wherever they are: no gateway is needed there."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from gateway_verify.collected import LAG, Collected, check_collected, read_collected
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.policy import parse_policy
from gateway_verify.words import plain
from joserfc.jwk import ECKey, OKPKey
from rich.console import Console

from gateway.cli.files import new_file, read_text, writing
from gateway.clock import SystemClock
from gateway.errors import Conflict, Invalid
from gateway.sealing import jwe
from gateway.sealing.envelope import unpack
from gateway.sealing.public_key import check_public_jwk

console = Console(highlight=False)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_MOST_PARCEL_BYTES = 32 * 1024 * 1024
_CHALLENGE = re.compile(rb"[0-9a-f]{64}")  # as the gateway makes it; a parcel never looks so


@click.command("make")
@click.argument("file", type=_NEW_FILE)
@click.option("--curve", type=click.Choice(["P-256", "X25519"]), default="P-256", show_default=True)
def make(file: Path, curve: str) -> None:
    """Make a key pair for a system: the private key goes to FILE (yours alone), the public key to the screen."""
    key = ECKey.generate_key(curve) if curve == "P-256" else OKPKey.generate_key("X25519")
    private: dict[str, Any] = dict(key.as_dict(private=True))
    with new_file(file) as out:
        out.write(json.dumps(private).encode())
    public = check_public_jwk(key.as_dict(private=False))
    click.echo(json.dumps(public.jwk()))
    click.echo(
        f"Fingerprint: {public.fingerprint}", err=True
    )  # so that a file of what is printed is the public key


@click.command("check")
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Say whether the public key (JWK) in FILE would be accepted, and its fingerprint."""
    public = check_public_jwk(_json(file))
    console.print(
        f"Accepted: {public.suite}\nKey id: {public.kid}\nFingerprint: {public.fingerprint}", markup=False
    )


@click.command("answer")
@click.argument("challenge", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="The private key (JWK).")
def answer(challenge: Path, key_file: Path) -> None:
    """Open the CHALLENGE of a registration with the private key and print the answer to send back."""
    said = jwe.open_sealed(_text(challenge).strip(), _json(key_file))
    if not _CHALLENGE.fullmatch(said):
        # Whoever sends a parcel as a challenge would be sent back what is in it.
        raise Invalid(
            "This isn't a challenge: something else was sealed to your key. Nothing of it is shown.",
            next_step="Send nothing back, and tell your information-governance officer.",
        )
    click.echo(said)


@click.command("open")
@click.argument("collected", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="The private key (JWK).")
@click.option("--policy", type=_FILE, required=True, help="Your own file of whom to believe (tlog-policy).")
@click.option(
    "--checkpoint",
    type=_NEW_FILE,
    required=True,
    help="Where the log as last seen is kept; made the first time.",
)
@click.option("--out", type=_FOLDER, required=True, help="Folder for the items; made if it isn't there.")
@click.option("--expect", help="The id of the parcel that was asked for; another is refused.")
@click.option("--opening", help="The id of the opening that was recorded; an earlier one is refused.")
@click.option(
    "--accept-late",
    is_flag=True,
    help="Open it although the log's witnesses haven't signed for hours: you asked one of them.",
)
def open_parcel(
    collected: Path,
    key_file: Path,
    policy: Path,
    checkpoint: Path,
    out: Path,
    expect: str | None,
    opening: str | None,
    accept_late: bool,
) -> None:
    """Open a COLLECTED parcel (what `GET /openings/…` answers), once the ledger proves its release and this opening.

    Its items go to files readable by you alone, its handling marks to the screen. Nothing is decrypted before the log
    was checked against your policy file and the checkpoint you kept, and nothing is written unless all of it was.
    """
    wanted = _Wanted(expect, opening, accept_late)
    found = _proved(_text(collected), _text(policy), checkpoint, wanted)
    envelope = unpack(jwe.open_sealed(found.jwe, _json(key_file)))
    if envelope.parcel_id != found.parcel_id:
        raise _another_parcel()
    with writing(out):
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number, item in enumerate(envelope.items, 1):
        file = out / item.file_name(number)
        with new_file(file) as written:
            written.write(item.data)
        console.print(f"{file}  {plain(item.media_type)}", markup=False)
    for mark in envelope.marks:
        console.print(f"Mark: {plain(mark)}", markup=False)


@dataclass(frozen=True)
class _Wanted:
    """What was asked for, where it is known, and whether the witnesses may be late."""

    parcel_id: str | None
    opening_id: str | None
    accept_late: bool


def _proved(answer: str, policy: str, checkpoint: Path, wanted: _Wanted) -> Collected:
    """Give what was collected, once it was checked; the log as it is now is kept for the next time."""
    kept = _kept(checkpoint)
    lag = None if wanted.accept_late else LAG
    try:
        found = read_collected(answer)
        checked = check_collected(
            found,
            parse_policy(policy),
            kept,
            now=SystemClock().now(),
            lag=lag,
            opening_id=wanted.opening_id,
        )
    except (Unverified, Uncheckable) as error:
        raise Invalid(
            f"Nothing was opened: {plain(error)}.",
            next_step="Keep the files as they are, and ask your information-governance officer before you try again.",
        ) from error
    if wanted.parcel_id not in (None, found.parcel_id):
        raise _another_parcel()
    _keep(checkpoint, str(checked.note), kept)
    return found


def _kept(checkpoint: Path) -> str | None:
    return _text(checkpoint) if checkpoint.exists() else None


def _keep(checkpoint: Path, seen: str, kept: str | None) -> None:
    """Keep the log as it was seen, whole or not at all. Raises Conflict when another run kept one meanwhile."""
    if _kept(checkpoint) != kept:
        raise Conflict(
            f"Nothing was opened: {checkpoint.name} was changed meanwhile by another run.",
            next_step="Run this again; it compares with what that run saw.",
        )
    with writing(checkpoint):
        handle, beside = tempfile.mkstemp(dir=checkpoint.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(seen)
        os.replace(beside, checkpoint)


def _another_parcel() -> Invalid:
    return Invalid(
        "This is another parcel than the one that was asked for.",
        next_step="Collect the parcel again, and tell your information-governance officer if it stays so.",
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{file.name} isn't JSON.", next_step="Give the file of a JWK.") from error
    if not isinstance(found, dict):
        raise Invalid(f"{file.name} isn't a key.", next_step="Give the file of a JWK.")
    return found


def _text(file: Path) -> str:
    if file.stat().st_size > _MOST_PARCEL_BYTES:
        raise Invalid(
            f"{file.name} is larger than any parcel.", next_step="See whether it is the file you meant."
        )
    return read_text(file)
