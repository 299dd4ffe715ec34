"""The command `gateway-verify`: one plain sentence, and an exit code a script can read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway_verify.audit import audit, unpack_entries_at
from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.merkle import leaf_hash
from gateway_verify.note import VerifierKey
from gateway_verify.opening import Opening, parse_object
from gateway_verify.policy import Log, Policy, Trust, judge, parse_policy
from gateway_verify.proof import Proof, parse_proof
from gateway_verify.source import Source, source
from gateway_verify.tiles import WIDTH
from gateway_verify.words import lines

VERIFIED, WRONG, NOT_CHECKED = 0, 1, 2

_EPILOG = """exit codes: 0 verified; 1 something is wrong; 2 the check could not be made

examples:
  gateway-verify --policy policy.txt ./export --keep last.checkpoint
  gateway-verify --policy policy.txt https://gateway.example/ledger --since last.checkpoint
  gateway-verify --policy policy.txt entry.tlog-proof
  gateway-verify --policy policy.txt my-log.json --log ./export
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Gives 0 verified, 1 wrong, 2 not checked."""
    options = _parser().parse_args(arguments)
    try:
        for line in _check(options):
            print(line)
    except Unverified as error:
        print(f"WRONG: {error}.")
        return WRONG
    except Uncheckable as error:
        print(f"NOT CHECKED: {error}.")
        return NOT_CHECKED
    return VERIFIED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway-verify",
        description="Checks a disclosure ledger: a folder, an address, a proof file, or a file of openings.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", help="exported folder, https address, .tlog-proof file or openings file")
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


def _check(options: argparse.Namespace) -> list[str]:
    policy = _policy(options)
    target = Path(options.target)
    if "://" in options.target or target.is_dir():
        return _check_log(options, source(options.target), policy)
    text = _read(target)
    said = _check_openings(_proofs(text), policy)
    if options.log:
        said += _check_log(options, source(options.log), policy)
        _check_same_history(_proofs(text), source(options.log))
    return said


def _policy(options: argparse.Namespace) -> Policy:
    if options.policy:
        return parse_policy(_read(Path(options.policy)))
    return Policy(logs=(Log(VerifierKey.parse(options.key)),))


def _check_log(options: argparse.Namespace, log: Source, policy: Policy) -> list[str]:
    kept = _read(Path(options.since)) if options.since else None
    audited = audit(log, policy, kept)
    if options.keep:
        _write(Path(options.keep), str(audited.note))
    said = f"VERIFIED: the log {audited.checkpoint.origin} is whole from entry 1 to entry {audited.checkpoint.size}; "
    said += _witnessed(audited.trust)
    if audited.grown_by is not None:
        said += f"; nothing was changed or lost since your checkpoint, {audited.grown_by} entries were added"
    return [said + "."]


def _witnessed(trust: Trust) -> str:
    if not trust.cosigned:
        return "it is signed by the log's key, and no witness was asked for"
    names = ", ".join(f"{name} ({at:%d %B %Y %H:%M} UTC)" for name, at in trust.cosigned.items())
    return f"it is signed by the log's key and cosigned by {names}"


def _proofs(text: str) -> list[Proof]:
    if text.startswith("c2sp.org/tlog-proof"):
        return [parse_proof(text)]
    bundle = parse_object(text)
    found = bundle.get("openings")
    if bundle.get("format") != "gateway-openings/v1" or not isinstance(found, list):
        raise Unverified("this is neither a proof file nor a file of openings")
    return [parse_proof(one) for one in found if isinstance(one, str)]


def _check_openings(proofs: list[Proof], policy: Policy) -> list[str]:
    said: list[str] = []
    for proof in proofs:
        opening = check_opening(proof, policy)
        said.append(f"Entry {proof.index + 1}: " + "\n".join(lines(opening)))
    checkpoints = {proof.checkpoint.size for proof in proofs}
    under = f" under the checkpoint over {max(checkpoints)} entries" if checkpoints else ""
    said.append(f"VERIFIED: {len(proofs)} of {len(proofs)} openings are what was recorded{under}.")
    return said


def check_opening(proof: Proof, policy: Policy) -> Opening:
    """Give a proof file's opening, once signatures, quorum, audit path and commitment hold.

    Raises Unverified.
    """
    trust = judge(proof.note, policy)
    if not trust.quorum_met:
        raise Unverified(f"the proof's checkpoint is not cosigned by {policy.in_words()}")
    if proof.extra is None:
        raise Unverified(
            "the proof file holds no opening: it shows a place in the log, not what was recorded there"
        )
    opening = Opening.from_bytes(proof.extra)
    proof.check(leaf_hash(opening.leaf()))
    return opening


def _check_same_history(proofs: list[Proof], log: Source) -> None:
    """Each opening's leaf must be where its proof says in the log as it is now."""
    _, now = read_checkpoint(log.read("checkpoint"))
    for proof in proofs:
        if not _holds(proof, log, now):
            raise Unverified(f"entry {proof.index + 1} of the openings is not in the log as it is now")


def _holds(proof: Proof, log: Source, now: Checkpoint) -> bool:
    if proof.extra is None or proof.index >= now.size or proof.checkpoint.origin != now.origin:
        return False
    n, offset = divmod(proof.index, WIDTH)
    width = min(WIDTH, now.size - n * WIDTH)
    return unpack_entries_at(log, n, width)[offset] == Opening.from_bytes(proof.extra).leaf()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Uncheckable(f"{path} cannot be read") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Uncheckable(f"{path} cannot be written") from error


if __name__ == "__main__":
    sys.exit(main())
