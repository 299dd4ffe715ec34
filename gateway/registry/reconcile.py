"""Bringing stored rows to what a file says: found by their keys, made or changed, each change with its entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlmodel import select

from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry.actors import Actor
from gateway.registry.register_file import Parsed, Problem
from gateway.registry.toml_lines import Path
from gateway.store.tables import Row
from gateway.store.unit_of_work import Unit

T = TypeVar("T", bound=Row)


@dataclass(frozen=True)
class Change:
    """What an import did, or would do: a new row, or named fields of one that was there.

    `row` is as it is now, `was` the named fields as they were; `loosens` is set where neither tells.
    """

    entity: str
    key: str
    new: bool
    fields: tuple[str, ...] = ()
    row: Row | None = field(default=None, compare=False, repr=False)
    was: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    loosens: bool | None = field(default=None, compare=False)


@dataclass
class Report:
    """Everything an import changed, in the file's order."""

    partnership_id: str = ""
    code: str = ""
    changes: list[Change] = field(default_factory=list)


class Reconciler:
    """One import in one unit of work: what it has found, made, changed and objected to.

    `by` is the officer who approved it; nobody where it acts at once.
    """

    def __init__(self, unit: Unit, parsed: Parsed, digest: str, by: Actor | None = None) -> None:
        self.unit = unit
        self.parsed = parsed
        self.digest = digest
        self.by = by
        self.report = Report()
        self.problems: list[Problem] = []
        self.controller = ""
        self.raised: set[str] = set()  # walls of this import

    @property
    def partnership_id(self) -> str:
        """Give the partnership whose register this is."""
        return self.report.partnership_id

    def object(self, path: Path, message: str, remedy: str) -> None:
        """Note a problem; the import goes on, so that all are said at once, and is refused at its end."""
        self.problems.append(self.parsed.problem(path, message, remedy))

    def find(self, table: type[T], **where: Any) -> T | None:
        """Give the partnership's row with these values, or None."""
        query = select(table).where(table.partnership_id == self.partnership_id)
        for name, value in where.items():
            query = query.where(getattr(table, name) == value)
        return self.unit.session.exec(query).first()

    def named(self, table: type[T], path: Path, code: str | None, what: str, *, by: str = "code") -> T | None:
        """Give the row a file refers to by its key; a key that names nothing is a problem."""
        if code is None:
            return None
        row = self.find(table, **{by: code})
        if row is None:
            self.object(
                path, f"There is no {what} {code}.", f"Add the {what} to the file or correct the key."
            )
        return row

    def put(
        self, table: type[T], where: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[T, Change | None]:
        """Make the row with the key `where`, or bring it to `values`; give it and what changed, if anything did."""
        row = self.find(table, **where)
        said = str(next(iter(where.values())))
        if row is None:
            row = table(partnership_id=self.partnership_id, **where, **values)
            self.unit.session.add(row)
            self.unit.session.flush()
            return row, Change(str(table.__tablename__), said, new=True, row=row)
        differing = tuple(name for name, value in values.items() if getattr(row, name) != value)
        was = {name: getattr(row, name) for name in differing}
        for name in differing:
            setattr(row, name, values[name])
        if not differing:
            return row, None
        self.unit.session.add(row)
        self.unit.session.flush()
        return row, Change(str(table.__tablename__), said, new=False, fields=differing, row=row, was=was)

    def note(
        self,
        change: Change | None,
        kind: EntryKind,
        *,
        key: str | None = None,
        controller: str | None = None,
        subject_id: str | None = None,
        case_id: str | None = None,
        refs: Mapping[str, str] | None = None,
        words: Mapping[str, str] | None = None,
    ) -> None:
        """Report a change and record it; an unchanged row has neither."""
        if change is None:
            return
        self.report.changes.append(replace(change, key=key or change.key))
        codes: dict[str, str | bool | tuple[str, ...]] = {
            "import": self.digest,
            "table": change.entity,
            "new": change.new,
            "fields": change.fields,
        }
        record(
            self.unit,
            Entry(
                kind=kind,
                partnership_id=self.partnership_id,
                controller_agency_id=controller or self.controller,
                actor_post_id=self.by.post_id if self.by else None,
                actor_agency_id=self.by.agency_id if self.by else None,
                subject_ids=(subject_id,) if subject_id else (),
                case_id=case_id,
                refs=dict(refs or {}),
                codes=codes,
                words=dict(words or {}),
            ),
        )
