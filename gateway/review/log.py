"""The advocate's log of her client: everything that was done, refusals included, newest first; reading it is logged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.clock import end_of_local_day, start_of_local_day
from gateway.consent import mandates
from gateway.ledger import read
from gateway.ledger.audit import audit_of
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, HeldEntry, LoggedEntry
from gateway.ledger.verify import Verdict
from gateway.registry import agencies
from gateway.registry.actors import Actor
from gateway.registry.acts import act
from gateway.review.clients import Client, client
from gateway.review.matters import KINDS_OF, Matter
from gateway.review.one_person import is_parted_unseen
from gateway.review.telling import Teller, Told, label
from gateway.store.unit_of_work import Store, Unit

# Turning pages for a quarter of an hour is one look at the log, not twenty.
ONE_LOOK = timedelta(minutes=15)
_BATCH = 500
_PARTED = (
    "it says that another record is your client's too, the register does not, and what is under it is missing"
)
_RESTRICTED = (
    "it says that your client opened other cases to you than the register does, so entries may be missing"
)


@dataclass(frozen=True)
class Chosen:
    """What the reader filters by: codes and days only. Without a matter, who read the log is left out and counted."""

    matter: Matter | None = None
    agency_id: str | None = None
    category: str | None = None
    outcome: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class LogPage:
    """One page of a client's log.

    `total` counts what the filter leaves, `read_by` the looks at this log that aren't listed, `held` the entries that
    may not be revealed yet, `erased` those of the partnership that were erased without saying whom they were about.
    """

    client: Client
    entries: Sequence[Told]
    total: int
    read_by: int
    held: Sequence[HeldEntry]
    erased: int
    agencies: Sequence[tuple[str, str]]
    categories: Sequence[tuple[str, str]]


def verdict(store: Store, found: Client | None = None) -> Verdict:
    """Give the ledger's own check in words.

    It changes as soon as a stored row about this client was edited, or any row of a small log; elsewhere in a large one
    when the whole is checked next. It changes too when the register parts what the log says is one person, or opens
    other cases than the log says.
    """
    said = audit_of(store).verdict(store, found.known_as if found else ())
    if found is None or said.problems:
        return said
    with store.reading() as unit:
        parted = is_parted_unseen(unit, found.subject_id)
        altered = mandates.opens_other_cases(unit, found.known_as)
    if not parted and not altered:
        return said
    problem = _PARTED if parted else _RESTRICTED
    return replace(said, verified=False, sentence=f"The log does not verify: {problem}.", problems=(problem,))


def log(
    unit: Unit,
    actor: Actor,
    subject_id: str,
    chosen: Chosen,
    *,
    offset: int,
    limit: int,
    oldest_first: bool = False,
) -> LogPage:
    """Give a page of a client's log, newest first unless told, and record that it was looked at.

    Raises NotFound unless the actor holds a mandate that counts today.
    """
    found = client(unit, actor, subject_id)
    entries, held = everything(unit, found, chosen)
    teller = Teller(unit)
    told = [one for one in map(teller.brief, entries) if matches(one, chosen)]
    listed = [one for one in told if chosen.matter is not None or one.matter is not Matter.READ]
    if oldest_first:
        listed.reverse()
    record_view(unit, actor, found.known_as, "list")
    return LogPage(
        client=found,
        entries=listed[offset : offset + limit],
        total=len(listed),
        read_by=len(told) - len(listed),
        held=held,
        erased=read.erased_unnamed(unit, actor.partnership_id),
        agencies=list(agencies.names(unit, actor.partnership_id).items()),
        categories=_categories(told),
    )


def entry(unit: Unit, actor: Actor, subject_id: str, entry_id: str) -> tuple[Client, Told]:
    """Give one entry of a client's log in plain words, and record that it was looked at.

    Raises NotFound, the same for another person's entry, a held one and none; Erased when its record was destroyed.
    """
    found = client(unit, actor, subject_id)
    told = Teller(unit).whole(entry_of(unit, found, entry_id))
    record_view(unit, actor, found.known_as, "entry", entry_id)
    return found, told


def entry_of(unit: Unit, found: Client, entry_id: str) -> LoggedEntry:
    """Give an entry that is in a client's log; raise NotFound otherwise."""
    logged = read.entry(unit, entry_id)
    if not found.known_as & set(logged.subject_ids) or not _in_cases(logged, found):
        raise mandates.missing()
    return logged


def everything(unit: Unit, found: Client, chosen: Chosen) -> tuple[list[LoggedEntry], list[HeldEntry]]:
    """Give every entry about a client within the filter's days and matter, newest first, and those that are held."""
    entries: dict[str, LoggedEntry] = {}
    held: list[HeldEntry] = []
    for known in sorted(found.known_as):
        for batch in _batches(unit, known, chosen):
            entries.update({one.entry_id: one for one in batch.entries if _in_cases(one, found)})
            held.extend(batch.held)
    ordered = sorted(entries.values(), key=lambda one: (one.at, one.number or 0), reverse=True)
    return ordered, list(dict.fromkeys(held))


def record_view(
    unit: Unit, actor: Actor, known_as: Collection[str], what: str, about_entry_id: str = ""
) -> None:
    """Record that what is logged about a person was looked at, once per quarter of an hour for the same thing.

    Without a person it names nobody: what is held back, or is about nobody, was looked at.
    """
    recent = read.entries_by_post(
        unit, actor.post_id, Filter(kinds=(EntryKind.LOG_VIEWED,), since=unit.now - ONE_LOOK, limit=_BATCH)
    )
    hers = set(known_as)
    about_her = [one for one in recent.entries if not hers or hers & set(one.subject_ids)]
    if (what, about_entry_id) not in {
        (one.codes.get("what"), one.refs.get("entry", "")) for one in about_her
    }:
        note(unit, actor, known_as, EntryKind.LOG_VIEWED, what, about_entry_id)


def note(
    unit: Unit,
    actor: Actor,
    known_as: Collection[str],
    kind: EntryKind,
    what: str,
    about_entry_id: str = "",
) -> None:
    """Record an act on the log of a person: a look, a print, an export."""
    refs = {"entry": about_entry_id} if about_entry_id else {}
    act(unit, actor, kind, subject_ids=sorted(known_as), refs=refs, codes={"what": what})


def matches(told: Told, chosen: Chosen) -> bool:
    """Tell whether an entry has the agency, kind of information and outcome that were chosen."""
    if chosen.agency_id and chosen.agency_id not in told.agency_ids:
        return False
    if chosen.category and chosen.category not in told.category_codes:
        return False
    return not chosen.outcome or chosen.outcome in told.outcomes


def _batches(unit: Unit, subject_id: str, chosen: Chosen) -> Iterator[read.Found]:
    kinds = KINDS_OF[chosen.matter] if chosen.matter else ()
    since = start_of_local_day(chosen.since) if chosen.since else None
    until = end_of_local_day(chosen.until) if chosen.until else None
    before = None
    while True:
        wanted = Filter(kinds=kinds, since=since, until=until, before=before, limit=_BATCH)
        batch = read.entries_for_subject(unit, subject_id, wanted)
        yield batch
        if not batch.more or not batch.entries:
            return
        # What was done in one transaction has one time: go on from just after it, so that none of it is skipped.
        oldest = batch.entries[-1].at + timedelta(microseconds=1)
        before = oldest if before is None or oldest < before else batch.entries[-1].at


def _in_cases(logged: LoggedEntry, found: Client) -> bool:
    return found.case_ids is None or logged.case_id is None or logged.case_id in found.case_ids


def _categories(told: Sequence[Told]) -> list[tuple[str, str]]:
    codes = {code for one in told for code in one.category_codes}
    return sorted(((code, label("category", code)) for code in codes), key=lambda pair: pair[1])
