"""An entry: one act, as codes and references in its record and as words in its reasons document."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from gateway_verify.note import encode
from gateway_verify.opening import SALT_SIZE, words_digest

from gateway.errors import NotFound

Code = str | int | bool | tuple[str, ...]
Words = str | tuple[str, ...]

RECORD_VERSION = 1
MOST_PUBLIC_BYTES = 4096
_CODE = re.compile(r"[A-Za-z0-9_.:/+=@,-]{0,200}")
_MOST_INTEGER = 2**53


class EntryKind(StrEnum):
    """Every act that is recorded. The words for each are `gateway_verify.words.KINDS`."""

    REQUEST_MADE = "request.made"
    REQUEST_OFFERED = "request.offered"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_RECEIVED = "request.received"
    REQUEST_NEEDS_MORE = "request.needs_more"
    REQUEST_ANSWERED = "request.answered"
    REQUEST_CHASED = "request.chased"
    REQUEST_ESCALATED = "request.escalated"
    REQUEST_REASSIGNED = "request.reassigned"
    CIRCUMSTANCE_DECLARED = "circumstance.declared"
    DECISION_MADE = "decision.made"
    DECISION_REPEATED = "decision.repeated"
    AUTHORISATION_GIVEN = "authorisation.given"
    AUTHORISATION_SECONDED = "authorisation.seconded"
    AUTHORISATION_REFUSED = "authorisation.refused"
    RELEASE_MADE = "release.made"
    RELEASE_DECLINED = "release.declined"
    PARCEL_OPENED = "parcel.opened"
    PARCEL_OPENING_FAILED = "parcel.opening_failed"
    PARCEL_DELIVERED = "parcel.delivered"
    PARCEL_FROZEN = "parcel.frozen"
    PARCEL_THAWED = "parcel.thawed"
    PARCEL_RESEALED = "parcel.resealed"
    PARCEL_DESTROYED = "parcel.destroyed"
    ONWARD_ASKED = "onward.asked"
    RECALL_SENT = "recall.sent"
    RECALL_CONFIRMED = "recall.confirmed"
    APPROACH_RECORDED = "approach.recorded"
    SPOKEN_RECORDED = "spoken.recorded"
    VIEWS_RECORDED = "views.recorded"
    CONSENT_ANSWERED = "consent.answered"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    MANDATE_GIVEN = "mandate.given"
    MANDATE_CONFIRMED = "mandate.confirmed"
    MANDATE_ENDED = "mandate.ended"
    WALL_RAISED = "wall.raised"
    WALL_LIFTED = "wall.lifted"
    WALL_REVIEWED = "wall.reviewed"
    CONCERN_RAISED = "concern.raised"
    CONCERN_ANSWERED = "concern.answered"
    EMERGENCY_USED = "emergency.used"
    EMERGENCY_REVIEWED = "emergency.reviewed"
    TASK_DONE = "task.done"
    POLICY_DRAFTED = "policy.drafted"
    POLICY_SIGNED = "policy.signed"
    POLICY_APPROVED = "policy.approved"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_ROLLED_BACK = "policy.rolled_back"
    KEY_ENROLLED = "key.enrolled"
    KEY_ACTIVATED = "key.activated"
    KEY_RETIRED = "key.retired"
    KEY_REVOKED = "key.revoked"
    KEY_EXPIRED = "key.expired"
    POST_GIVEN = "post.given"
    POST_CHANGED = "post.changed"
    POST_ENDED = "post.ended"
    AGENCY_CHANGED = "agency.changed"
    REGISTER_PROPOSED = "register.proposed"
    REGISTER_APPROVED = "register.approved"
    REGISTER_REFUSED = "register.refused"
    REGISTER_REVIEWED = "register.reviewed"
    MEMBERSHIP_CHANGED = "membership.changed"
    CASE_OPENED = "case.opened"
    CASE_CHANGED = "case.changed"
    CASE_CLOSED = "case.closed"
    SUBJECT_ADDED = "subject.added"
    SUBJECT_CORRECTED = "subject.corrected"
    SUBJECT_MERGED = "subject.merged"
    SUBJECT_SPLIT = "subject.split"
    SUBJECT_ERASED = "subject.erased"
    SUBJECT_SHOWN = "subject.shown"
    CONTACT_RECORDED = "contact.recorded"
    CONTACT_SHOWN = "contact.shown"
    CONTACT_WITHDRAWN = "contact.withdrawn"
    LOG_VIEWED = "log.viewed"
    LOG_EXPORTED = "log.exported"
    LOG_PRINTED = "log.printed"
    LOG_CONFIRMED = "log.confirmed"
    DATA_EXPORTED = "data.exported"
    ENTRY_ERASED = "entry.erased"
    ENTRY_ERASURE_ASKED = "entry.erasure_asked"
    ENTRY_ERASURE_REFUSED = "entry.erasure_refused"
    ENTRY_HELD = "entry.held"
    ENTRY_REVIEWED = "entry.reviewed"
    ENTRY_REVEALED = "entry.revealed"
    RETENTION_RUN = "retention.run"
    EPOCH_BEGUN = "epoch.begun"
    EPOCH_DECLARED = "epoch.declared"
    EPOCH_AGREED = "epoch.agreed"
    EPOCH_REFUSED = "epoch.refused"
    EPOCH_RECONFIRMED = "epoch.reconfirmed"


# Only these may be public leaves: anyone may watch keys and policies, nobody may watch people (DESIGN 3.6).
PUBLIC_KINDS = frozenset(
    kind for kind in EntryKind if kind.split(".")[0] in ("policy", "key") or kind is EntryKind.EPOCH_BEGUN
)


# What became of another entry stays told, and so does whose words went with a key: these are never erased.
ACCOUNTS_FOR_OTHERS = frozenset(kind for kind in EntryKind if kind.startswith("entry."))
NEVER_ERASED = ACCOUNTS_FOR_OTHERS | {EntryKind.SUBJECT_ERASED, EntryKind.CASE_CLOSED}


@dataclass(frozen=True)
class Entry:
    """One act to be recorded.

    `refs` holds ids only; `codes` vocabulary codes, numbers, rule ids, versions and digests; `words`
    everything said by people or naming them, which is kept encrypted and can be erased. A `public` entry is a
    plaintext leaf, for key and policy events alone: it has no subjects and no words.
    """

    kind: EntryKind
    partnership_id: str
    controller_agency_id: str
    actor_post_id: str | None
    actor_agency_id: str | None
    subject_ids: tuple[str, ...] = ()
    case_id: str | None = None
    request_id: str | None = None
    refs: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Code] = field(default_factory=dict)
    words: Mapping[str, Words] = field(default_factory=dict)
    public: bool = False

    def __post_init__(self) -> None:
        for name, value in (*self._ids(), *self.refs.items(), *self.codes.items()):
            _check_code(name, value)
        for name, said in self.words.items():
            _check_words(name, said)
        if not all(map(str.isascii, (*self.refs, *self.codes, *self.words))):
            raise ValueError("the names of an entry's fields are plain ASCII")
        if self.public:
            self._check_public()

    def _ids(self) -> Iterator[tuple[str, Code]]:
        yield "partnership", self.partnership_id
        yield "controller", self.controller_agency_id
        yield "subjects", self.subject_ids
        for name in ("actor_post_id", "actor_agency_id", "case_id", "request_id"):
            if (one := getattr(self, name)) is not None:
                yield name, one

    def _check_public(self) -> None:
        if self.kind not in PUBLIC_KINDS:
            raise ValueError(f"{self.kind} is never public: only key and policy events are")
        if self.words or self.subject_ids or self.case_id or self.request_id:
            raise ValueError("a public entry names no person, case or request and holds no words")


def _check_code(name: str, value: Code) -> None:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) >= _MOST_INTEGER:
            raise ValueError(f"{name}: whole numbers in a record stay below 2**53")
        return
    if not isinstance(value, str | tuple):
        raise TypeError(f"{name}: a record holds codes, whole numbers and yes or no")
    for one in (value,) if isinstance(value, str) else value:
        if not _CODE.fullmatch(one):
            raise ValueError(f"{name}: words belong in the entry's words, codes hold no spaces")


def _check_words(name: str, said: Words) -> None:
    for one in (said,) if isinstance(said, str) else said:
        if not isinstance(one, str):
            raise TypeError(f"{name}: an entry's words are text")
        one.encode()  # half a character, which JSON can spell and UTF-8 can't, raises ValueError


def no_such_entry() -> NotFound:
    """Give what is said of an entry that isn't there, and of one that may not be shown."""
    return NotFound("There is no such entry.", next_step="Go back to the list of entries.")


@dataclass(frozen=True)
class Written:
    """An entry as the exact bytes that are committed to and kept."""

    record: str
    words: str | None


def write(entry: Entry, entry_id: str, at: datetime) -> Written:
    """Lay an entry out as RFC 8785 canonical JSON.

    The words get a salt of their own, so their digest says nothing.
    """
    words = _reasons_document(entry.words) if entry.words else None
    record: dict[str, Any] = {
        "v": RECORD_VERSION,
        "id": entry_id,
        "at": rfc3339(at),
        "kind": entry.kind.value,
        "partnership": entry.partnership_id,
        "controller": entry.controller_agency_id,
        "actor_post": entry.actor_post_id,
        "actor_agency": entry.actor_agency_id,
        "subjects": sorted(set(entry.subject_ids)),
        "case": entry.case_id,
        "request": entry.request_id,
        "refs": dict(entry.refs),
        "codes": {
            name: list(value) if isinstance(value, tuple) else value for name, value in entry.codes.items()
        },
        "words": words_digest(words.encode()) if words else None,
    }
    text = canonical(record)
    if entry.public and len(text) > MOST_PUBLIC_BYTES:
        raise ValueError("a public entry is longer than a leaf may be")
    return Written(text, words)


# For what a record may hold (ASCII names, no fractions, whole numbers below 2**53) the standard library's encoder
# writes RFC 8785's form, in a tenth of the time of one written in Python.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical(fields: Mapping[str, Any]) -> str:
    """Give RFC 8785 canonical JSON of what an entry may hold."""
    return _ENCODER.encode(fields)


@lru_cache(maxsize=64)  # every entry of an act has the time of its act
def rfc3339(at: datetime) -> str:
    """Give a UTC time as RFC 3339 with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _reasons_document(words: Mapping[str, Words]) -> str:
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in words.items()}
    return canonical({"salt": encode(secrets.token_bytes(SALT_SIZE)), "words": said})
