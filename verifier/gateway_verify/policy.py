"""Whom to believe: logs, witnesses and a quorum, read from a c2sp.org/tlog-policy file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway_verify.checkpoint import Checkpoint, check_signature
from gateway_verify.errors import Unverified
from gateway_verify.note import Note, SignatureType, VerifierKey

_LOG_TYPES = (SignatureType.ED25519, SignatureType.COSIGNATURE_MLDSA44)
_WITNESS_TYPES = (SignatureType.COSIGNATURE_ED25519, SignatureType.COSIGNATURE_MLDSA44)


@dataclass(frozen=True)
class Log:
    """A log that is believed, and where it is served."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Witness:
    """A witness by its name in the policy file, its key and where checkpoints are submitted to it."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Group:
    """At least `threshold` of the members, each a witness or a group."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Logs, witnesses, groups and the quorum that makes a checkpoint believed."""

    logs: tuple[Log, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = "none"

    def met_by(self, cosigners: Collection[str]) -> bool:
        """Whether these witnesses (by policy name) together are the quorum."""
        return self.quorum == "none" or self._witnessed(self.quorum, cosigners)

    def _witnessed(self, name: str, cosigners: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigners
        return sum(self._witnessed(member, cosigners) for member in group.members) >= group.threshold

    def in_words(self) -> str:
        """Give the quorum in a few words."""
        return "no witness" if self.quorum == "none" else self._in_words(self.quorum)

    def _in_words(self, name: str) -> str:
        group = self.groups.get(name)
        if group is None:
            return name
        members = [self._in_words(member) for member in group.members]
        if group.threshold == len(members):
            return " and ".join(members)
        return f"{group.threshold} of ({', '.join(members)})"


@dataclass(frozen=True)
class Trust:
    """What the signatures under a checkpoint are worth under a policy."""

    log: VerifierKey
    cosigned: Mapping[str, datetime]
    quorum_met: bool


def judge(note: Note, policy: Policy) -> Trust:
    """Check every known signature on a checkpoint.

    A log's ML-DSA-44 line stands beside its Ed25519 line and never instead of it: that key may lie in a file where the
    other is in hardware. Raises Unverified when no known log signed it under its own origin, or when a known key's
    signature does not fit.
    """
    checkpoint = Checkpoint.parse(note.text)
    keys = [log.key for log in policy.logs if log.key.name == checkpoint.origin]
    signed = [key for key in keys if check_signature(note, key)]
    first = [key for key in keys if key.type is SignatureType.ED25519] or keys
    by = next((key for key in first if key in signed), None)
    if by is None:
        raise Unverified(f"no known key of the log {checkpoint.origin} signed this checkpoint")
    cosigned = cosigners(note, policy)
    return Trust(by, cosigned, policy.met_by(cosigned))


def cosigners(note: Note, policy: Policy) -> dict[str, datetime]:
    """Give which of the policy's witnesses cosigned a checkpoint, and when.

    Raises Unverified when a witness's signature does not fit.
    """
    cosigned: dict[str, datetime] = {}
    for witness in policy.witnesses.values():
        one = check_signature(note, witness.key)
        if one is not None and one.at is not None:
            cosigned[witness.name] = one.at
    return cosigned


def parse_policy(text: str) -> Policy:
    """Read a policy file. Raises Unverified naming the line that is wrong."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        if any((one < " " and one != "\t") or one == "\x7f" for one in line):
            raise Unverified(f"line {number} of the policy holds a control character")
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except Unverified as error:
            raise Unverified(f"line {number} of the policy: {error}") from error
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(Log(_key(vkey, _LOG_TYPES), url[0] if url else None))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(Witness(name, _key(vkey, _WITNESS_TYPES), url[0] if url else None))
            case ["group", name, threshold, *members]:
                self._group(name, threshold, members)
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                raise Unverified(f"'{' '.join(words)[:60]}' is not understood")

    def finish(self) -> Policy:
        if self._quorum is None:
            raise Unverified("the policy names no quorum")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _log(self, log: Log) -> None:
        if any(other.key.public == log.key.public for other in self._logs):
            raise Unverified("the same log key is listed twice")
        self._logs.append(log)

    def _witness(self, witness: Witness) -> None:
        self._new_name(witness.name)
        if any(other.key.public == witness.key.public for other in self._witnesses.values()):
            raise Unverified("the same witness key is listed twice")
        self._witnesses[witness.name] = witness

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        self._new_name(name)
        for member in members:
            if member not in self._witnesses and member not in self._groups:
                raise Unverified(f"'{member}' is not defined on a line above")
            if member in self._members:
                raise Unverified(f"'{member}' is already a member of a group")
            self._members.add(member)
        named = {"any": 1, "all": len(members)}
        if threshold not in named and not (
            threshold.isascii() and threshold.isdigit() and len(threshold) < 6
        ):
            raise Unverified("a group needs 'any', 'all' or a number")
        least = named[threshold] if threshold in named else int(threshold)
        if not 1 <= least <= len(members):
            raise Unverified("a group asks for more members than it has, or for none")
        self._groups[name] = Group(least, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise Unverified("there is more than one quorum line")
        if name != "none" and name not in self._witnesses and name not in self._groups:
            raise Unverified(f"'{name}' is not defined on a line above")
        self._quorum = name

    def _new_name(self, name: str) -> None:
        if name == "none" or name in self._witnesses or name in self._groups:
            raise Unverified(f"the name '{name}' is taken")


def _key(text: str, types: tuple[SignatureType, ...]) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.type not in types:
        raise Unverified(f"the key of {key.name} is of the wrong kind for this line")
    return key
