"""What a row of the table of acts says: a real act on the demonstration, and what its entry must then say."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import col, select

from gateway.assembly import assemble
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.disclosure.models import Line
from gateway.ledger.entries import EntryKind
from gateway.ledger.models import LedgerRecord
from gateway.registry.actors import Actor
from gateway.registry.models import Post
from gateway.sealing.models import CopyOf, Parcel
from gateway.settings import Settings
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED

Does = Callable[[Unit, Actor], object]
# In the place of an id: one that wasn't there before the act.
ANEW = "anew"


@dataclass(frozen=True)
class Act:
    """What is done, and what each entry of its kind says: ids throughout, `by` None where no post acted."""

    do: Callable[[], object]
    by: str | None
    agency: str | None
    controller: str
    about: tuple[str, ...] = ()
    case: str | None = None
    request: str | None = None
    times: int = 1


@dataclass(frozen=True)
class Left:
    """What an entry says of who did what for whom."""

    by: str | None
    agency: str | None
    controller: str
    about: tuple[str, ...]
    case: str | None
    request: str | None


class Scene(Stage):
    """The demonstration on its last day, put back as it was before each act."""

    def __init__(self, settings: Settings, clock: FixedClock) -> None:
        super().__init__(assemble(settings, clock=clock), clock)

    def post(self, code: str) -> str:
        return self.do(lambda unit: self.post_id(unit, code))

    def person(self, code: str) -> str:
        return self.do(lambda unit: unit.session.get_one(Post, self.post_id(unit, code)).person_id)

    def agency(self, code: str) -> str:
        return self.do(lambda unit: self.agency_id(unit, code))

    def subject(self, code: str) -> str:
        return self.do(lambda unit: self.subject_id(unit, code))

    def case(self, reference: str) -> str:
        return self.do(lambda unit: self.case_id(unit, reference))

    def request_of(self, line_id: str) -> str:
        return self.do(lambda unit: unit.session.get_one(Line, line_id).request_id)

    def parcel(self, who: str, category: str) -> Parcel:
        """What was sealed last to a post of one kind of information."""
        chosen = (
            select(Parcel)
            .join(Line, col(Line.id) == col(Parcel.line_id))
            .where(Parcel.recipient_post_id == self.post(who), Parcel.copy_of == CopyOf.RECIPIENT)
            .where(Line.category == category)
            .order_by(col(Parcel.created_at).desc())
        )
        return self.do(lambda unit: unit.session.exec(chosen).all()[0])

    def act(
        self,
        by: str,
        does: Does,
        *,
        controller: str | None = None,
        about: Sequence[str] = (),
        case: str | None = None,
        request: str | None = None,
        times: int = 1,
    ) -> Act:
        """An act of a post, by the codes of the register; its own agency answers where no other is named."""
        own = self.do(lambda unit: unit.session.get_one(Post, self.post_id(unit, by)).agency_id)
        return Act(
            do=lambda: self.by(by, does),
            by=self.post(by),
            agency=own,
            controller=self.agency(controller) if controller else own,
            about=tuple(self.subject(one) if one.startswith("s-") else one for one in about),
            case=case if case in (None, ANEW) else self.case(case),
            request=request,
            times=times,
        )

    def keep(self) -> Path:
        """Keep the store as it is now."""
        kept = database_of(self.gateway.settings).with_suffix(".kept")
        self.gateway.store.scrub()
        self.gateway.store.close()
        shutil.copyfile(database_of(self.gateway.settings), kept)
        return kept

    def go_back_to(self, kept: Path) -> None:
        """Restore the store from what was kept, as an operator does."""
        self.gateway.store.close()
        shutil.copyfile(kept, database_of(self.gateway.settings))

    def entries(self) -> dict[str, tuple[str, Left]]:
        """Every entry by its id: its kind, and what it says."""
        with self.gateway.store.reading() as unit:
            rows = unit.session.exec(select(LedgerRecord)).all()
            return {row.entry_id: (row.kind, _left(json.loads(row.record))) for row in rows}

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with closing(sqlite3.connect(database_of(self.gateway.settings))) as store:
            tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: store.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}  # noqa: S608


def about_robin(scene: Scene, by: str, does: Does, request: str, *, times: int = 1) -> Act:
    """An act about Robin in his case, for which police answer."""
    return scene.act(
        by,
        does,
        controller="police",
        about=["s-robin"],
        case="M2-0417",
        request=request,
        times=times,
    )


def about_alex(scene: Scene, by: str, does: Does, request: str, *, times: int = 1) -> Act:
    """An act about Alex in her case, for which the service answers that supports her."""
    return scene.act(
        by,
        does,
        controller="lantern",
        about=["s-alex"],
        case="R-0931",
        request=request,
        times=times,
    )


def asked(scene: Scene) -> tuple[str, str]:
    """Convictions that police may release: the line, and its request."""
    line_id = scene.ask(PERMITTED)["convictions"]
    return line_id, scene.request_of(line_id)


def _left(record: dict[str, object]) -> Left:
    said = dict(record)
    return Left(
        by=_text(said["actor_post"]),
        agency=_text(said["actor_agency"]),
        controller=str(said["controller"]),
        about=tuple(map(str, said["subjects"] if isinstance(said["subjects"], list) else ())),
        case=_text(said["case"]),
        request=_text(said["request"]),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def database_of(settings: Settings) -> Path:
    """The file that a SQLite store lies in."""
    return Path(settings.store.url.removeprefix("sqlite:///"))


ACTS: dict[EntryKind, Callable[[Scene], Act]] = {}


def leaves(kind: EntryKind) -> Callable[[Callable[[Scene], Act]], Callable[[Scene], Act]]:
    """Put an act into the table, in the one row of the kind of entry that it leaves."""

    def row(prepare: Callable[[Scene], Act]) -> Callable[[Scene], Act]:
        assert kind not in ACTS, f"{kind} has a row already"
        ACTS[kind] = prepare
        return prepare

    return row
