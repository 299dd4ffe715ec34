"""Keys from the command line: the epochs of the gateway's own keys at rest, and what a recipient's system needs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from gateway_verify.collected import Collected, check_collected, read_collected
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.policy import parse_policy
from joserfc.jwk import ECKey, OKPKey
from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from gateway import settings as configuration
from gateway.assembly import Gateway
from gateway.cli.installation import at_work, opened
from gateway.clock import SystemClock
from gateway.disclosure import keyring
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.log_keys import LogKeys, make_log_keys, open_log_keys
from gateway.ledger.publish import present_origin
from gateway.registry.models import Agency, Partnership
from gateway.sealing import jwe
from gateway.sealing.envelope import unpack
from gateway.sealing.models import RecipientKey
from gateway.sealing.public_key import check_public_jwk, fingerprint
from gateway.store.root_keys import create_root_key

console = Console(highlight=False)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_OWNER_ONLY = 0o600
_MOST_PARCEL_BYTES = 32 * 1024 * 1024


@click.group()
def keys() -> None:
    """The gateway's keys and its recipients' keys.

    docs/keys.md says how a person and a system set up their keys. `make`, `check`, `answer` and `open` need no gateway:
    they run wherever the private key is.
    """


@keys.command("root")
def make_root() -> None:
    """Make the root key of the keys at rest, in the file or the hardware module that the settings name."""
    with _never_replaced():
        create_root_key(configuration.load().keys)
    console.print(
        "The root key is made. Keep its backup apart from the database's: nothing can be read without it."
    )


@keys.command("ledger")
@click.option(
    "--ml-dsa",
    is_flag=True,
    help="With a token: make an ML-DSA-44 key too, in keys.ledger_key_file, for a second line under checkpoints.",
)
def make_ledger(ml_dsa: bool) -> None:
    """Make the key that signs the log, in the file or the hardware module that the settings name; print its vkey.

    It is for the log's first life: `gateway ledger begin-epoch` makes the next one's. It is backed up nowhere.
    """
    settings = configuration.load()
    with _never_replaced():
        make_log_keys(settings, beside=ml_dsa)
    _show_vkeys(open_log_keys(settings), settings.ledger.origin)


@keys.command("vkey")
def vkey() -> None:
    """Print the public keys that sign the log's present life here: witnesses and verifiers trust the first."""
    gateway = opened()
    with gateway.store.reading() as unit:
        try:
            origin = present_origin(unit)
        except NotFound:
            origin = gateway.journal.origin
    _show_vkeys(gateway.journal.keys, origin)


def _show_vkeys(keys: LogKeys, origin: str) -> None:
    for key in keys.public(origin):
        if key is not None:
            click.echo(str(key))


@contextmanager
def _never_replaced() -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise Conflict(f"{error.filename} is there already.", next_step="A key is never replaced.") from error


@keys.command("make")
@click.argument("file", type=_NEW_FILE)
@click.option("--curve", type=click.Choice(["P-256", "X25519"]), default="P-256", show_default=True)
def make(file: Path, curve: str) -> None:
    """Make a key pair for a system: the private key goes to FILE (yours alone), the public key to the screen."""
    key = ECKey.generate_key(curve) if curve == "P-256" else OKPKey.generate_key("X25519")
    private: dict[str, Any] = dict(key.as_dict(private=True))
    _write_once(file, json.dumps(private).encode())
    public = check_public_jwk(key.as_dict(private=False))
    click.echo(json.dumps(public.jwk()))
    console.print(f"Fingerprint: {public.fingerprint}", markup=False)


@keys.command("check")
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Say whether the public key (JWK) in FILE would be accepted, and its fingerprint."""
    public = check_public_jwk(_json(file))
    console.print(
        f"Accepted: {public.suite}\nKey id: {public.kid}\nFingerprint: {public.fingerprint}", markup=False
    )


@keys.command("answer")
@click.argument("challenge", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="The private key (JWK).")
def answer(challenge: Path, key_file: Path) -> None:
    """Open the CHALLENGE of a registration with the private key and print the answer to send back."""
    click.echo(jwe.open_sealed(_text(challenge).strip(), _json(key_file)).decode())


@keys.command("open")
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
def open_parcel(
    collected: Path, key_file: Path, policy: Path, checkpoint: Path, out: Path, expect: str | None
) -> None:
    """Open a COLLECTED parcel (what `GET /openings/…` answers), once the ledger proves its release and this opening.

    Its items go to files readable by you alone, its handling marks to the screen. Nothing is decrypted before the log
    was checked against your policy file and the checkpoint you kept, and nothing is written unless all of it was.
    """
    found = _proved(_text(collected), _text(policy), checkpoint)
    envelope = unpack(jwe.open_sealed(found.jwe, _json(key_file)))
    if {found.parcel_id, envelope.parcel_id} != {expect or found.parcel_id}:
        raise Invalid("This is another parcel than the one that was asked for.")
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number, item in enumerate(envelope.items, 1):
        file = out / item.file_name(number)
        _write_once(file, item.data)
        console.print(f"{file}  {item.media_type}", markup=False)
    for mark in envelope.marks:
        console.print(f"Mark: {mark}", markup=False)


def _proved(answer: str, policy: str, checkpoint: Path) -> Collected:
    """Give what was collected, once it was checked; the log as it is now is kept for the next time."""
    kept = _text(checkpoint) if checkpoint.exists() else None
    try:
        found = read_collected(answer)
        checked = check_collected(found, parse_policy(policy), kept, now=SystemClock().now())
    except (Unverified, Uncheckable) as error:
        raise Invalid(
            f"Nothing was opened: {error}.",
            next_step="Keep the files as they are, and ask your information-governance officer before you try again.",
        ) from error
    checkpoint.write_text(str(checked.note), encoding="utf-8")
    return found


@keys.command("list")
@click.option("--agency", help="Code of an agency; all of them otherwise.")
@click.option("--all", "ended", is_flag=True, help="Ended keys too.")
def list_keys(agency: str | None, ended: bool) -> None:
    """List recipients' keys by agency and the holder's random number: no name is shown."""
    chosen = select(RecipientKey, Agency).where(RecipientKey.agency_id == Agency.id)
    if agency:
        chosen = chosen.where(Agency.code == agency)
    if not ended:
        chosen = chosen.where(col(RecipientKey.ended_at).is_(None))
    table = Table("Agency", "Holder", "Place", "State", "Until", "Fingerprint")
    with at_work().store.reading() as unit:
        for key, owner in unit.session.exec(chosen.order_by(col(Agency.code), col(RecipientKey.created_at))):
            until = key.not_after.date().isoformat() if key.not_after else ""
            table.add_row(owner.code, key.holder_number, key.place, key.state, until, fingerprint(key.kid))
    console.print(table)


@keys.command("expire")
def expire() -> None:
    """End the recipients' keys whose time is over, each with its entry in the ledger; run it daily."""
    with at_work().store.writing() as unit:
        partnerships = unit.session.exec(select(Partnership.id)).all()
        count = sum(keyring.expire(unit, partnership_id) for partnership_id in partnerships)
    console.print(f"{count} keys ended.")


@keys.command("rotate")
@click.option(
    "--destroy-before",
    is_flag=True,
    help="Then destroy all earlier epochs, so that backups of them can't be read.",
)
def rotate(destroy_before: bool) -> None:
    """Begin a new epoch of the keys at rest and move every living key into it.

    A key that was destroyed lives on in backups until the epoch that wrapped it is destroyed.
    """
    gateway = at_work()
    with gateway.store.writing() as unit:
        newest = gateway.vault.rotate(unit.session)
    moved = _move_all(gateway)
    console.print(f"Epoch {newest} began; {moved} keys were moved into it.")
    if destroy_before:
        with gateway.store.writing() as unit:
            for number in range(1, newest):
                gateway.vault.destroy_epoch(unit.session, number)
        console.print("Earlier epochs were destroyed.")


def _move_all(gateway: Gateway) -> int:
    total = 0
    while True:
        # In portions, so that nobody waits long for the write lock.
        with gateway.store.writing() as unit:
            moved = gateway.vault.rewrap(unit.session)
        if not moved:
            return total
        total += moved


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(file))
    except ValueError as error:
        raise Invalid(f"{file.name} isn't JSON.", next_step="Give the file of a JWK.") from error
    if not isinstance(found, dict):
        raise Invalid(f"{file.name} isn't a key.", next_step="Give the file of a JWK.")
    return found


def _text(file: Path) -> str:
    if file.stat().st_size > _MOST_PARCEL_BYTES:
        raise Invalid(f"{file.name} is larger than any parcel.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{file.name} isn't text.") from error


def _write_once(file: Path, content: bytes) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError as error:
        raise Invalid(
            f"{file} is there already.", next_step="Choose another name; nothing is overwritten."
        ) from error
    with os.fdopen(handle, "wb") as out:
        out.write(content)
