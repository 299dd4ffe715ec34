"""The demonstration's stage: acting as an invented person, at a time, through the gateway's own verbs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from joserfc import jwe as jose
from joserfc.jwk import ECKey, OctKey
from sqlmodel import select

from gateway import settings as configuration
from gateway.assembly import Gateway
from gateway.clock import FixedClock, local_day
from gateway.disclosure import ask, judge, keyring, release
from gateway.disclosure import open as opening
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.content import Content, Prepared, prepare
from gateway.disclosure.models import Line, RequestKind
from gateway.disclosure.release import About
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Agency, Case, Partnership, Post, Subject
from gateway.sealing import jwe, parcel
from gateway.sealing.models import CopyOf
from gateway.store.unit_of_work import Unit

T = TypeVar("T")

# Written on the sign-in page of the demonstration alone: it protects invented people's keys on this machine.
PASSPHRASE = "these ten words open the keys of invented people here"  # noqa: S105
KEY_FOLDER = "keys-of-invented-people"
_BACKUP_ALGORITHMS = ["PBES2-HS512+A256KW", "A256GCM"]
_BACKUP_ROUNDS = 8192
_CLEANERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="cleaning")


@dataclass(frozen=True)
class Ask:
    """One request of the story, by the codes of the register."""

    who: str
    holder: str
    case: str
    subject: str
    categories: tuple[str, ...]
    purpose: str
    powers: tuple[str, ...]
    recipients: tuple[str, ...]
    why: str
    regime: str = "part3"
    condition: str = "s35_sch8_para4_safeguarding"
    confidence: str = "law"
    declared: tuple[tuple[str, str], ...] = ()


class Stage:
    """Does what the story says, each act in one unit of work at its own time."""

    def __init__(self, gateway: Gateway, clock: FixedClock) -> None:
        self.gateway = gateway
        self.clock = clock
        self.folder = configuration.shipped("config") / "demo"
        self._cleaned: dict[tuple[Content, str], Future[Prepared]] = {}

    def later(self, *, days: int = 0, hours: int = 0) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(days=days, hours=hours))

    def do(self, act: Callable[[Unit], T]) -> T:
        """Act as nobody in particular."""
        with self.gateway.store.writing() as unit:
            return act(unit)

    def by(self, code: str, act: Callable[[Unit, Actor], T]) -> T:
        """Act as the holder of a post, by the code of the register."""
        return self.do(lambda unit: act(unit, actor_for_post(unit, self.post_id(unit, code))))

    def make_keys(self, code: str, approver: str) -> None:
        """Enrol, prove and approve the two keys of a post, and keep their backup as a browser would make it."""
        pair = [ECKey.generate_key("P-256"), ECKey.generate_key("P-256")]
        publics = [key.as_dict(private=False) for key in pair]
        challenges = self.by(code, lambda unit, actor: keyring.enrol(unit, actor, publics))
        for key, challenge in zip(pair, challenges, strict=True):
            answer = jwe.open_sealed(challenge.jwe, key.as_dict(private=True)).decode()
            self._prove_and_approve(code, approver, challenge.key_id, answer)
        self._write_backup(code, pair)

    def ask(self, asked: Ask) -> dict[str, str]:
        """Make a request; gives the id of the line of each kind of information."""

        def make(unit: Unit, actor: Actor) -> str:
            return ask.ask(unit, actor, self.asking(unit, asked)).request_id

        request_id = self.by(asked.who, make)
        return self.do(lambda unit: {line.category: line.id for line in judge.lines_of(unit, request_id)})

    def release(self, code: str, line_id: str, content: Content, action: str) -> None:
        """Release a line with its content, having looked at what cleaning found."""
        category = self.do(lambda unit: unit.session.get_one(Line, line_id).category)
        prepared = self._prepare(content, category).result()
        about = self.about(action)
        self.by(
            code,
            lambda unit, actor: release.release(unit, actor, line_id, prepared, about, accepts_findings=True),
        )

    def clean_ahead(self, files: Mapping[str, str]) -> None:
        """Clean documents, each for a kind of information, in the background while the story begins."""
        for name, category in files.items():
            self._prepare(self.file(name), category)

    def _prepare(self, content: Content, category: str) -> Future[Prepared]:
        # A document is cleaned once however often it is released: each cleaning starts a process of its own.
        key = (content, category)
        if key not in self._cleaned:
            self._cleaned[key] = _CLEANERS.submit(prepare, content, category)
        return self._cleaned[key]

    def open(self, code: str, line_id: str) -> None:
        """Open what was released on a line, accepting its conditions."""

        def act(unit: Unit, actor: Actor) -> None:
            sealed = parcel.of_lines(unit, [line_id], copy_of=CopyOf.RECIPIENT)
            if sealed:
                found = opening.parcel_for(unit, actor, sealed[0].id)
                opening.open_parcel(unit, actor, sealed[0].id, accepts=frozenset(found.undertakings))

        self.by(code, act)

    def about(self, action: str) -> About:
        """What the holder says of content that is fresh and checked."""
        day = local_day(self.clock.now()) - timedelta(days=3)
        return About(data_as_of=day, verified=True, fact_or_opinion="both", action=action)

    def file(self, name: str) -> Content:
        """One of the demonstration's documents."""
        return Content(filename=name, data=(self.folder / name).read_bytes())

    def partnership_id(self, unit: Unit) -> str:
        """The one partnership."""
        return unit.session.exec(select(Partnership)).one().id

    def post_id(self, unit: Unit, code: str) -> str:
        """The post of that code."""
        return unit.session.exec(select(Post).where(Post.code == code)).one().id

    def subject_id(self, unit: Unit, code: str) -> str:
        """The subject of that code."""
        return unit.session.exec(select(Subject).where(Subject.code == code)).one().id

    def case_id(self, unit: Unit, reference: str) -> str:
        """The case of that reference."""
        return unit.session.exec(select(Case).where(Case.reference == reference)).one().id

    def agency_id(self, unit: Unit, code: str) -> str:
        """The agency of that code."""
        return unit.session.exec(select(Agency).where(Agency.code == code)).one().id

    def asking(self, unit: Unit, asked: Ask) -> Asking:
        """What a request of the story asks, with the ids of the register."""
        return Asking(
            kind=RequestKind.ASK,
            holder_agency_id=self.agency_id(unit, asked.holder),
            categories=asked.categories,
            purpose=asked.purpose,
            basis=Basis(asked.powers, asked.regime, asked.condition, asked.confidence),
            why=asked.why,
            recipients=tuple(NamedRecipient(post_id=self.post_id(unit, code)) for code in asked.recipients),
            case_id=self.case_id(unit, asked.case),
            subject_ids=(self.subject_id(unit, asked.subject),),
            declarations=dict(asked.declared),
        )

    def _prove_and_approve(self, code: str, approver: str, key_id: str, answer: str) -> None:
        self.by(code, lambda unit, actor: keyring.prove(unit, actor, key_id, answer))
        self.by(approver, lambda unit, actor: keyring.approve(unit, actor, key_id))

    def _write_backup(self, code: str, pair: list[ECKey]) -> None:
        folder: Path = self.gateway.settings.paths.var / KEY_FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        header = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "cty": "jwk-set+json", "p2c": _BACKUP_ROUNDS}
        content = json.dumps({"keys": [key.as_dict(private=True) for key in pair]})
        key = OctKey.import_key(PASSPHRASE.encode())
        backup = jose.encrypt_compact(header, content, key, algorithms=_BACKUP_ALGORITHMS)
        path = folder / f"{code}.jwe"
        path.write_text(backup, encoding="ascii")
        path.chmod(0o600)
