"""The drill of a full restore, with the commands an operator types: nothing that protected somebody is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from gateway.assembly import Gateway, assemble
from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.cli.main import main
from gateway.clock import FixedClock, SystemClock
from gateway.consent import mandates
from gateway.consent.models import Consent, Mandate, Wish
from gateway.disclosure import open as opening
from gateway.disclosure import reconfirm, stop, withdraw
from gateway.disclosure.content import Content
from gateway.disclosure.models import Line
from gateway.errors import Conflict, NotConfirmed
from gateway.ledger.start import start
from gateway.registry import contacts, people, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Post, WallKind
from gateway.review.models import RestoreDeclaration
from gateway.settings import load
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from gateway.web.app import create_app
from gateway.web.sessions import COOKIE
from tests.disclosure.conftest import open_it, parcel_id_of
from tests.ledger.witnesses import running
from tests.postgres import Postgres
from tests.soft_token import soft_tokens
from tests.told import PERMITTED, found
from tests.web.pages import Web, sign_in

PLACE = "/governance/restores"
WHY = {"reasons": "The backup of the night was restored."}
KINDS = ("sqlite", "postgresql")
OTHERS = ("probation-om", "police-ppu")


@dataclass
class Installation:
    """An operator's shell: the settings are in its environment, the commands in its path."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    opened: list[Gateway] = field(default_factory=list)

    def sets(self, name: str, value: str) -> None:
        """Export a setting."""
        self.monkeypatch.setenv(f"GATEWAY_{name}", value)

    def runs(self, *arguments: str) -> int:
        """Type a command; gives its exit code."""
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        return int(stopped.value.code or 0)

    def stage(self) -> Stage:
        """A worker as `gateway run` starts it, acted on as its people."""
        self.close()
        gateway = assemble(load(), clock=SystemClock())
        self.opened.append(gateway)
        start(gateway.store, gateway.journal).stop()
        return Stage(gateway, FixedClock(datetime.now(UTC)))

    def close(self) -> None:
        """Stop the gateway."""
        while self.opened:
            self.opened.pop().store.close()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: tuple[str, str]) -> Iterator[Installation]:
    """An installation's shell; the one on PostgreSQL has the log's key in a token, as production has."""
    made = Installation(monkeypatch, tmp_path)
    made.sets("ENV", "test")
    made.sets("KEYS__ROOT_PROVIDER", "file")
    made.sets("KEYS__ROOT_FILE", f"{tmp_path}/root.key")
    made.sets("KEYS__LEDGER_KEY_FILE", f"{tmp_path}/ledger.key")
    made.sets("LEDGER__ORIGIN", "drill.invalid/ledger")
    made.sets("PATHS__VAR", str(tmp_path))
    made.sets("PATHS__BACKUPS", f"{tmp_path}/backups")
    made.sets("WEB__TRUSTED_HOSTS", '["127.0.0.1", "localhost"]')
    made.sets("WEB__SESSION_KEY", "for-tests-only-" + 32 * "0")
    if places[0].startswith("postgresql"):
        _put_the_logs_key_in_a_token(made)
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of two empty stores of one kind: one to live in, one to restore into."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/gateway.sqlite3", f"sqlite:///{tmp_path}/restored.sqlite3"
        return
    server: Postgres = request.getfixturevalue("postgres")
    urls = server.fresh(None), server.fresh(None)
    yield urls
    for url in urls:
        server.drop(url)


# Each command is a process of its own in life, whose end closes its connections; here they outlive it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_drill(
    shell: Installation, places: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.sets("STORE__URL", places[0])
    assert shell.runs("init") == 0
    stage = shell.stage()
    with running(tmp_path, stage.gateway.journal, SystemClock()) as witnesses:
        _name(shell, stage.gateway, tmp_path)
        stage = shell.stage()
        found(stage.gateway, stage.clock, keys=OTHERS)
        assert shell.runs("ledger", "cosign") == 0
        kept = _before(stage)
        pages = create_app(stage.gateway)
        browser, officer = pages.test_client(), pages.test_client()
        sign_in(browser, stage.gateway, kept["nadia"])
        sign_in(officer, stage.gateway, kept["officer"])
        assert browser.get("/staff/").status_code == 200
        assert shell.runs("backup") == 0

        lost_line = _in_the_lost_time(stage, kept)
        assert shell.runs("ledger", "follow", f"{tmp_path}/copy") == 0
        assert shell.runs("ledger", "cosign") == 0
        [backup] = (tmp_path / "backups").iterdir()

        shell.sets("STORE__URL", places[1])
        assert shell.runs("restore", str(backup)) == 0
        stage = shell.stage()
        with pytest.raises(NotConfirmed):
            stage.ask(PERMITTED)
        assert shell.runs("person", "end-post", "meadowshire", "health-lead", "--reason", "She left.") == 1
        assert shell.runs("ledger", "missed", f"{tmp_path}/copy") == 1
        _declare(shell, stage, _cookie(officer), capsys)
        new_key = _new_key(shell, capsys)
        for one in witnesses:
            one.trust(new_key)
        assert shell.runs("ledger", "cosign") == 0
        stage = shell.stage()
        _all_waits(stage, kept, lost_line)
        pages = create_app(stage.gateway)
        app = pages.test_client()
        app.set_cookie(*_cookie(browser))
        assert app.get("/staff/").status_code == 302

        _done_again(shell, stage, kept, capsys)
        assert _confirm(stage, "police-ppu", kept["line"]) is Outcome.PERMIT
        opened = open_it(stage, "probation-om", kept["parcel"])
        assert isinstance(opened, opening.Opened)
        assert stage.by(
            "probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id)
        ).jwe
        demo_heard.confirm_mandate(stage, kept["mandate"])
        assert stage.do(lambda unit: mandates.counts(unit.session.get_one(Mandate, kept["mandate"]), unit))
        _is_told(stage, pages)
        assert shell.runs("ledger", "cosign") == 0
        assert shell.runs("check") == 0


def _name(shell: Installation, gateway: Gateway, folder: Path) -> None:
    """The operator names the witnesses in a policy file."""
    policy = gateway.journal.policy
    assert policy is not None
    lines = [f"witness {one.name} {one.key} {one.url}" for one in policy.witnesses.values()]
    lines += [f"group charities 2 {' '.join(policy.witnesses)}", "quorum charities"]
    (folder / "witnesses.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shell.sets("LEDGER__WITNESSES", f"{folder}/witnesses.txt")


def _before(stage: Stage) -> dict[str, str]:
    """What the backup holds: something released and read, a consent, a way to reach her, and two mandates."""
    line = stage.ask(PERMITTED)["convictions"]
    stage.release("police-ppu", line, Content(text="Two convictions."), "Plan; Nadia Sample")
    parcel = parcel_id_of(stage, line)
    assert isinstance(open_it(stage, "probation-om", parcel), opening.Opened)
    jess = stage.do(lambda unit: stage.subject_id(unit, "s-jess"))
    reached = contacts.Details(method="telephone", value="07700 900123")
    stage.by("lantern-idva", lambda unit, actor: contacts.record_contact(unit, actor, jess, reached))
    kept, ended = demo_heard.mandate_of(stage, "s-jess"), demo_heard.mandate_of(stage, "s-alex")
    for mandate_id in (kept, ended):
        demo_heard.confirm_mandate(stage, mandate_id)
    return {
        "line": line,
        "parcel": parcel,
        "mandate": kept,
        "ended": ended,
        "consent": demo_heard.consent_to_housing(stage),
        "nadia": stage.do(lambda unit: stage.post_id(unit, "probation-om")),
        "officer": stage.do(lambda unit: stage.post_id(unit, "office-ig")),
        "jess": jess,
        "health": stage.do(lambda unit: stage.agency_id(unit, "health")),
    }


def _in_the_lost_time(stage: Stage, kept: dict[str, str]) -> str:
    """What the backup doesn't hold; gives a line that was released."""
    stage.by(
        "lantern-idva",
        lambda unit, actor: withdraw.withdraw_consent(unit, actor, kept["consent"], by_subject=True),
    )
    stage.by(
        "lantern-idva", lambda unit, actor: mandates.revoke(unit, actor, kept["ended"], by_subject=True).id
    )

    def wall(unit: Unit, actor: Actor) -> None:
        jess, kind, why = kept["jess"], WallKind.EXCLUDE, "He works there."
        stop.raise_wall(unit, actor, jess, kind=kind, reason=why, agency_ids=[kept["health"]])
        stop.raise_wall(unit, actor, jess, kind=kind, reason=why, described="her uncle at the depot")

    stage.by("lantern-idva", wall)
    demo_heard.views_of(stage, "s-jess", Wish.OBJECTS, "She says no to all of it now.")
    stage.by("lantern-idva", lambda unit, actor: contacts.withdraw_contacts(unit, actor, kept["jess"]))
    stage.by("police-ig", lambda unit, actor: _leaver(stage, unit, actor))
    line = stage.ask(PERMITTED)["convictions"]
    stage.release("police-ppu", line, Content(text="Two convictions."), "Plan; Nadia Sample")
    return line


def _leaver(stage: Stage, unit: Unit, actor: Actor) -> None:
    people.end_post(unit, actor, stage.post_id(unit, "mappa-chair"), "She left the force.")


def _declare(
    shell: Installation, stage: Stage, old: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two officers sign in, see what was lost and declare it; the operator begins the log anew, once."""
    app = create_app(stage.gateway)
    begin = ("ledger", "begin-epoch")
    assert shell.runs(*begin, "CDFG-HJKM") == 1
    before = Web(app, stage.gateway)
    before.client.set_cookie(*old, domain="localhost", secure=True)
    assert "Restores to declare or answer 1" in before.page("/governance/").text
    assert "Sign out and sign in again" in before.page(PLACE).text
    came_back = before.submit(before.page(f"{PLACE}/declare"), WHY, status=403)
    assert "You signed in before the log was stopped" in came_back.text

    first = _signed_in(stage, app, "office-ig")
    shown = first.page(PLACE)
    assert shown.h1 == "The log is stopped"
    seen = re.search(r"The witnesses had seen (\d+) entries The store still holds (\d+) entries", shown.text)
    assert seen is not None
    assert f"Lost {int(seen[1]) - int(seen[2])} entries" in shown.text
    assert shown.text.count(f" {seen[1]} ") >= 3  # what each witness saw
    asked = first.page(f"{PLACE}/declare")
    other = first.submit(asked, {**WHY, "numbers": "2 1 other 0"}, status=422)  # as they stood when she read
    assert "The numbers changed while you read them" in other.text
    declared = first.submit(asked, WHY)
    assert "The backup of the night was restored." in declared.text
    [act] = [href for href in declared.links().values() if href.endswith("/refuse")]
    agree = act.replace("/refuse", "/agree")
    assert first.client.get(f"{PLACE}/declare").status_code == 200
    assert first.submit(first.page(f"{PLACE}/declare"), WHY, status=409).h1
    assert shell.runs(*begin, _reference(stage)) == 1
    assert "waits for the second officer" in capsys.readouterr().err
    for nobody in ("office-ig", "office-ig-2", "probation-om"):  # herself, her colleague, no officer
        _signed_in(stage, app, nobody).page(agree, status=403)
    second = _signed_in(stage, app, "police-ig")
    assert "Restores to declare or answer 1" in second.page("/governance/").text
    agreed = second.submit(second.page(agree))
    reference = _reference(stage)
    assert f"gateway ledger begin-epoch {reference}" in agreed.text
    assert shell.runs(*begin, reference.lower()) == 0
    assert shell.runs(*begin, reference) == 1
    assert "was carried out already" in capsys.readouterr().err


def _is_told(stage: Stage, app: Flask) -> None:
    """Her advocate reads that the log began again, and who declared it; officers, that it goes on."""
    told = _signed_in(stage, app, "lantern-advocate").page("/advocacy/check").text
    assert "This log began again at" in told
    assert "declared it and one of Meadowshire Police agreed; they signed that" in told
    assert "The log goes on" in _signed_in(stage, app, "office-ig").page(PLACE).text


def _signed_in(stage: Stage, app: Flask, who: str) -> Web:
    web = Web(app, stage.gateway)
    web.sign_in(stage.do(lambda unit: stage.post_id(unit, who)))
    return web


def _reference(stage: Stage) -> str:
    return stage.do(lambda unit: unit.session.exec(select(RestoreDeclaration.reference)).one())


def _put_the_logs_key_in_a_token(shell: Installation) -> None:
    tokens = soft_tokens(shell.folder, shell.monkeypatch)
    tokens.add("log", "246810")
    shell.sets("KEYS__LEDGER_PROVIDER", "pkcs11")
    shell.sets("KEYS__LEDGER_MODULE", tokens.module)
    shell.sets("KEYS__LEDGER_TOKEN", "log")
    shell.sets("KEYS__LEDGER_PIN", "246810")
    assert shell.runs("keys", "ledger") == 0
    assert shell.runs("keys", "ledger") == 1


def _new_key(shell: Installation, capsys: pytest.CaptureFixture[str]) -> str:
    """The key that `begin-epoch` told the operator to give to the witnesses, shown again."""
    capsys.readouterr()
    assert shell.runs("keys", "vkey") == 0
    shown = capsys.readouterr().out.split()[0]
    assert "/epoch-2+" in shown
    return shown


def _cookie(browser: FlaskClient) -> tuple[str, str]:
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    return COOKIE, cookie.value


def _all_waits(stage: Stage, kept: dict[str, str], lost_line: str) -> None:
    """Nothing from before counts unconfirmed."""
    with pytest.raises(Conflict):
        open_it(stage, "probation-om", kept["parcel"])
    assert stage.do(lambda unit: unit.session.get(Line, lost_line)) is None
    assert not stage.do(lambda unit: mandates.counts(unit.session.get_one(Mandate, kept["mandate"]), unit))
    assert [line.id for _, line in stage.by("police-ppu", reconfirm.waiting)] == [kept["line"]]
    assert stage.do(lambda unit: contacts.on_file(unit, kept["jess"]))  # until it is withdrawn again


def _done_again(
    shell: Installation, stage: Stage, kept: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What protected somebody is done again, once."""
    again = ("ledger", "redo", f"{shell.folder}/copy", "--officer", kept["officer"])
    capsys.readouterr()
    assert shell.runs(*again) == 1
    said = capsys.readouterr().out
    assert "describes somebody in words" in said
    assert re.search(r"The person's views were recorded\W.*Left to an officer", said) is not None
    assert "5 done again, 2 left" in said
    _protected_again(stage, kept)
    assert shell.runs(*again) == 1


def _protected_again(stage: Stage, kept: dict[str, str]) -> None:
    """The withdrawals, the wall, the mandate's end and the leaver's hold again."""

    def holds(unit: Unit) -> list[bool]:
        officer = unit.session.get_one(Post, stage.post_id(unit, "health-lead"))
        return [
            unit.session.get_one(Consent, kept["consent"]).withdrawn_at is not None,
            unit.session.get_one(Mandate, kept["ended"]).revoked_at is not None,
            walls.walled(unit, kept["jess"], officer.person_id, kept["health"]),
            not people.is_current(unit, stage.post_id(unit, "mappa-chair")),
            not contacts.on_file(unit, kept["jess"]),
        ]

    assert stage.do(holds) == [True] * 5


def _confirm(stage: Stage, who: str, line_id: str) -> Outcome:
    return stage.by(who, lambda unit, actor: reconfirm.reconfirm(unit, actor, line_id))
