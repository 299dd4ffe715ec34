"""The command `gateway-verify`: one plain sentence, and an exit code a script can read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from gateway_verify.audit import audit
from gateway_verify.bundle import Bundle, Opened, check_opening, read_bundle, too_new
from gateway_verify.checkpoint import Checkpoint
from gateway_verify.collected import LAG, check_collected, is_collected, lately, read_collected
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.note import VerifierKey
from gateway_verify.policy import Log, Policy, Trust, parse_policy
from gateway_verify.restore import told
from gateway_verify.source import source
from gateway_verify.words import lines, plain

VERIFIED, WRONG, NOT_CHECKED = 0, 1, 2

_EPILOG = """exit codes: 0 verified; 1 something is wrong; 2 the check could not be made

examples:
  gateway-verify --policy policy.txt ./export --keep last.checkpoint
  gateway-verify --policy policy.txt https://gateway.example/ledger --since last.checkpoint
  gateway-verify --policy policy.txt entry.tlog-proof
  gateway-verify --policy policy.txt my-log.json --log ./export
  gateway-verify --policy policy.txt collected.json --since last.checkpoint --keep last.checkpoint
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Gives 0 verified, 1 wrong, 2 not checked."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a letter that can't be shown here stops no check
    options = _parser().parse_args(arguments)
    try:
        for line in _check(options):
            print(plain(line))
    except Unverified as error:
        print(plain(f"WRONG: {error}."))
        return WRONG
    except Uncheckable as error:
        print(plain(f"NOT CHECKED: {error}."))
        return NOT_CHECKED
    return VERIFIED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway-verify",
        description="Checks a disclosure ledger: a folder, an address, a proof file, or a file of openings.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "target", help="exported folder, https address, .tlog-proof file, openings file or collected parcel"
    )
    trust = parser.add_mutually_exclusive_group(required=True)
    trust.add_argument(
        "--policy", metavar="FILE", help="whom to believe: log keys, witnesses and quorum (tlog-policy)"
    )
    trust.add_argument("--key", metavar="VKEY", help="believe this log key alone, with no witnesses")
    parser.add_argument(
        "--since", metavar="FILE", help="a checkpoint kept from an earlier check: nothing may be lost"
    )
    parser.add_argument(
        "--keep", metavar="FILE", help="write the verified checkpoint here for the next check"
    )
    parser.add_argument(
        "--log", metavar="TARGET", help="with openings: the log itself, to check that it still holds"
    )
    return parser


def _check(options: argparse.Namespace) -> Iterator[str]:
    policy = _policy(options)
    target = Path(options.target)
    if "://" in options.target or target.is_dir():
        if options.log:
            raise Uncheckable("--log goes with a file of openings or a proof file")
        yield _check_log(options, options.target, policy)[0]
        return
    text = _read(target)
    if is_collected(text):
        yield _check_collected(options, text, policy)
        return
    if (options.since or options.keep) and not options.log:
        raise Uncheckable("--since and --keep are about the log itself: name it with --log")
    yield from _check_openings(options, text, policy)


def _policy(options: argparse.Namespace) -> Policy:
    try:
        if options.policy:
            return parse_policy(_read(Path(options.policy)))
        return Policy(logs=(Log(VerifierKey.parse(options.key)),))
    except Unverified as error:
        raise Uncheckable(f"whom to believe cannot be read: {error}") from error


def _check_log(options: argparse.Namespace, target: str, policy: Policy) -> tuple[str, Checkpoint]:
    """Give what was found of the log, in a sentence, and its checkpoint."""
    kept = _kept(options)
    log = source(target)
    audited = audit(log, policy, kept)
    began = told(log, audited.checkpoint, policy)
    if options.keep:
        _write(Path(options.keep), str(audited.note))
    said = f"VERIFIED: the log {audited.checkpoint.origin} is whole from entry 1 to entry {audited.checkpoint.size}; "
    said += _witnessed(audited.trust)
    said += _grown(audited.grown_by)
    said += began
    if "://" in target:
        said += _stale(audited.trust, policy)
    return said + ".", audited.checkpoint


def _kept(options: argparse.Namespace) -> str | None:
    """Give the checkpoint kept from an earlier check; one that is there is never written over unread."""
    since, keep = (Path(name) if name else None for name in (options.since, options.keep))
    if keep and keep.exists() and not (since and since.exists() and keep.samefile(since)):
        raise Uncheckable(f"{keep} is there already: compare with it first, with --since {keep}")
    return _read(since, "; the first time, leave --since out") if since else None


def _check_collected(options: argparse.Namespace, text: str, policy: Policy) -> str:
    """Give in a sentence what was found of a parcel that was collected."""
    if options.log:
        raise Uncheckable("--log goes with a file of openings or a proof file")
    found = read_collected(text)
    checked = check_collected(found, policy, _kept(options), now=datetime.now(UTC))
    if options.keep:
        _write(Path(options.keep), str(checked.note))
    said = f"VERIFIED: parcel {found.parcel_id} is as it was released, and this opening of it is recorded,"
    said += f" under the checkpoint over {checked.checkpoint.size} entries; {_witnessed(checked.trust)}"
    return f"{said}{_grown(checked.grown_by)}."


def _grown(by: int | None) -> str:
    if by is None:
        return ""
    return f"; nothing was changed or lost since your checkpoint, {by} entries were added"


def _witnessed(trust: Trust) -> str:
    signed = f"it is signed by the log's key (fingerprint {trust.log.fingerprint})"
    if not trust.cosigned:
        return f"{signed}, and no witness was asked for"
    names = ", ".join(f"{name} ({at:%d %B %Y %H:%M} UTC)" for name, at in trust.cosigned.items())
    return f"{signed} and cosigned by {names}"


def _stale(trust: Trust, policy: Policy) -> str:
    """Say when what is served has gone without its witnesses for longer than releases may: of the past, perhaps."""
    if policy.met_by(lately(trust, datetime.now(UTC))):
        return ""
    hours = f"{LAG.total_seconds() / 3600:g}"
    return (
        f"; its witnesses ({policy.in_words()}) have not signed it within {hours} hours: ask one of them whether it"
        " knows a newer one"
    )


def _check_openings(options: argparse.Namespace, text: str, policy: Policy) -> Iterator[str]:
    bundle, opened = read_bundle(text), []
    if not bundle.proofs:
        raise Uncheckable(f"the file holds no openings{_held(bundle)}")
    for proof in bundle.proofs:
        one = check_opening(proof, policy)
        opened.append(one)
        first, *more = lines(one.opening)
        yield f"Entry {proof.index + 1}: {first}"
        yield from more
    waiting, of_the_log = sum(not one.witnessed for one in opened), []
    if options.log:
        said, now = _check_log(options, options.log, policy)
        waiting = too_new(opened, source(options.log), now, policy, is_copy="://" not in options.log)
        of_the_log.append(said)
    if waiting:
        raise Uncheckable(_too_new(waiting, len(opened), options, policy))
    beside = f"{_under(opened)}{_held(bundle)}{_erased(opened)}"
    yield f"VERIFIED: {len(opened)} of {len(opened)} openings are what was recorded{beside}."
    yield from of_the_log


def _too_new(waiting: int, count: int, options: argparse.Namespace, policy: Policy) -> str:
    """Say that entries are too new for their witnesses: nothing is wrong, and nothing is shown yet."""
    how = "" if options.log else " with --log and the log's address"
    return (
        f"all {count} openings are what the log signed, but its witnesses ({policy.in_words()}) have not signed as far"
        f" as {waiting} of them yet: wait a few minutes and run this again{how}"
    )


def _under(opened: Sequence[Opened]) -> str:
    largest = max((one.proof.checkpoint.size for one in opened), default=0)
    return f" under the checkpoint over {largest} entries" if largest else ""


def _erased(opened: Sequence[Opened]) -> str:
    """Say how many more there were, by the decisions to erase them that are among these."""
    count = sum(len(one.opening.erased()) for one in opened)
    if not count:
        return ""
    were = "was erased by a decision" if count == 1 else "were erased by decisions"
    return f"; {count} more {were} recorded among them"


def _held(bundle: Bundle) -> str:
    if not bundle.held:
        return ""
    return (
        f"; {bundle.held} more may not be shown yet and are held back until a named officer has reviewed them"
    )


def _read(path: Path, advice: str = "") -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Uncheckable(f"{path} cannot be read{advice}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Uncheckable(f"{path} cannot be written") from error


if __name__ == "__main__":
    sys.exit(main())
