"""Each kind of entry is left by a real act, saying who did what for whom; where the ledger refuses, nothing is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.clock import FixedClock
from gateway.errors import NotConfirmed
from gateway.ledger import append
from gateway.ledger.entries import EntryKind
from gateway.ledger.journal import journal_at
from gateway.settings import Settings
from tests.conftest import NOW, Once
from tests.journeys.conftest import installed, settings_in
from tests.promises import (
    acts_of_asking,
    acts_of_her,
    acts_of_officers,
    acts_of_register,
    acts_on_what_was_released,
)
from tests.promises.acts import ACTS, ANEW, Act, Left, Scene, database_of

ROOMS = (acts_of_asking, acts_on_what_was_released, acts_of_her, acts_of_register, acts_of_officers)
# A declared restore is the way out of a stopped journal.
STARTS_IT_AGAIN = {kind for kind in EntryKind if kind.startswith("epoch.")} - {EntryKind.EPOCH_RECONFIRMED}


@dataclass(frozen=True)
class Ready:
    """A gateway on which an act is about to be done."""

    kind: EntryKind
    scene: Scene
    act: Act


@pytest.fixture(scope="module")
def _demonstration(tmp_path_factory: pytest.TempPathFactory, once: Once) -> Settings:
    """The demonstration made once, in a copy that this worker has for itself."""
    folder = tmp_path_factory.mktemp("demonstration")
    shutil.copytree(once("told-at-the-tests-time", _told), folder, dirs_exist_ok=True)
    return settings_in(folder)


def _told(folder: Path) -> None:
    gateway = installed(folder, FixedClock(NOW))
    gateway.store.scrub()
    gateway.store.close()


@pytest.fixture(scope="module", params=ACTS, ids=str)
def ready(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _demonstration: Settings
) -> Iterator[Ready]:
    """Each act in turn, on a copy of its own."""
    file = tmp_path_factory.mktemp("act") / "gateway.sqlite3"
    shutil.copyfile(database_of(_demonstration), file)
    store = _demonstration.store.model_copy(update={"url": f"sqlite:///{file}"})
    scene = Scene(_demonstration.model_copy(update={"store": store}), FixedClock(NOW))
    try:
        yield Ready(request.param, scene, ACTS[request.param](scene))
    finally:
        scene.gateway.store.close()
        shutil.rmtree(file.parent)


def test_every_kind_of_entry_has_an_act_that_leaves_it() -> None:
    assert set(ACTS) == set(EntryKind)


def test_where_the_ledger_refuses_nothing_is_left(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ready.scene.everything()
    journal = journal_at(ready.scene.gateway.store)
    if ready.kind not in STARTS_IT_AGAIN:
        monkeypatch.setattr(journal, "stopped", "it was tried")
        with pytest.raises(NotConfirmed):
            ready.act.do()
        assert ready.scene.everything() == before
        monkeypatch.undo()

    def refuses(*_: object) -> None:
        raise NotConfirmed

    monkeypatch.setattr(append, "_statements", refuses)
    with pytest.raises(NotConfirmed):
        ready.act.do()
    assert ready.scene.everything() == before


def test_the_act_leaves_its_entry(ready: Ready) -> None:
    before = ready.scene.entries()
    ready.act.do()
    left = [one for entry_id, one in ready.scene.entries().items() if entry_id not in before]
    said = [what for kind, what in left if kind == ready.kind]
    known = _ids(before.values())
    assert [_anew(one, known) for one in said] == [_expected(ready.act)] * ready.act.times


def _expected(act: Act) -> Left:
    return Left(act.by, act.agency, act.controller, tuple(sorted(act.about)), act.case, act.request)


def _ids(entries: Iterable[tuple[str, Left]]) -> frozenset[str]:
    """The people, cases and requests that entries are about."""
    return frozenset(
        one for _, said in entries for one in (*said.about, said.case, said.request) if one is not None
    )


def _anew(said: Left, known: frozenset[str]) -> Left:
    def one(named: str) -> str:
        return named if named in known else ANEW

    return replace(
        said,
        about=tuple(sorted(map(one, said.about))),
        case=said.case and one(said.case),
        request=said.request and one(said.request),
    )
