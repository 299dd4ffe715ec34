"""Whatever is typed into whichever form of whoever: a page that names the field and the remedy, and never a 500.

The forms are found by following links in Meadowshire after three weeks, and the map of routes is the list of what must
be found: a form added tomorrow is walked, or this fails for want of a way to it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from sqlmodel import col, select

from gateway.api.models import ApiClient
from gateway.assembly import assemble
from gateway.cli import demo_heard
from gateway.cli.demo import fill
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.consent.models import Consent
from gateway.disclosure import keyring, policies, policy_drafts, withdraw
from gateway.disclosure.models import Draft, Line, Request, Task
from gateway.errors import GatewayError
from gateway.ledger.log_keys import create_log_keys
from gateway.policy.models import PolicyDraft
from gateway.registry import authorities, facts, people, subject_changes, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Case, Face, Post, RegisterProposal, Subject, Wall
from gateway.registry.subjects import Identity
from gateway.sealing import jwe
from gateway.sealing.models import CopyOf, Parcel, RecipientKey
from gateway.store.tables import Row
from gateway.store.unit_of_work import Unit
from gateway.web import access
from tests.conftest import NOW, Finds
from tests.journeys.stirred import ask_to_erase, connect, hold_back, name_an_advocate, propose
from tests.policy_life.changing import FILE, STOP
from tests.told import store_settings
from tests.web import hostile
from tests.web.fixtures import shared_app
from tests.web.hostile import BAD, Form, send
from tests.web.pages import Web, filled
from tests.web.test_the_whole_map_is_walked import address

# Several hundred pages, and every field of every form on them.
pytestmark = pytest.mark.assure

# Walked field by field, with what leads to them, in tests/staff/test_bad_input_never_breaks_a_form.py.
ELSEWHERE = {
    "staff.answer",
    "staff.identify",
    "staff.question",
    "staff.check",
    "staff.discard",
    "staff.review",
    "staff.parcel",
    "staff.delivered",
}
# Only while the log is stopped: walked in tests/governance/test_a_stopped_log_has_its_page.py.
STOPPED = {"governance.declare_restore"}
# What a script sends, not a form: JSON, walked below.
SCRIPTS = {
    "account.extend",
    "staff.enrol",
    "staff.prove",
    "staff.open_parcel",
    "staff.not_opened",
    "staff.open_own_copy",
    "staff.log_confirmed",
    "staff.take_sealed",
}
# A button and no field: nothing can be typed into it. They are sent with everything that isn't theirs, below.
BUTTONS = {
    "account.persona",
    "account.posts",
    "consents.confirm_mandate",
    "consents.read_back",
    "consents.stop",
    "governance.agree_to_restore",
    "governance.policies_check",
    "governance.refuse_restore",
    "notices.seen",
    "staff.end_cover",
    "staff.pass_on",
    "staff.confirm_restored",
    "staff.covered_parcel",
}
# What a page asks of itself while a form is filled in: the fields of that form, walked below.
LIVE = {"governance.policies_preview"}
APART = {"account.sign_out"}
THINGS: dict[str, tuple[type[Row], ...]] = {
    "task_id": (Task,),
    "wall_id": (Wall,),
    "case_id": (Case,),
    "subject_id": (Subject,),
    "post_id": (Post,),
    "key_id": (RecipientKey,),
    "parcel_id": (Parcel,),
    "line_id": (Line,),
    "request_id": (Request,),
    "consent_id": (Consent,),
    "draft_id": (Draft, PolicyDraft),
    "proposal_id": (RegisterProposal,),
    "client_id": (ApiClient,),
}
# Between them they are shown everything that anybody is.
WALKING = (
    "probation-om",
    "police-ppu",
    "housing-officer",
    "lantern-idva",
    "marac-chair",
    "marac-deputy",
    "office-ig",
    "office-ig-2",
    "lantern-advocate",
)


@pytest.fixture(scope="module")
def meadowshire(
    tmp_path_factory: pytest.TempPathFactory, root_file: Path, _sqlite_template: Path
) -> Iterator[Stage]:
    """Meadowshire after three weeks, with a change of every kind under way."""
    folder = tmp_path_factory.mktemp("walked")
    file = folder / "gateway.sqlite3"
    file.write_bytes(_sqlite_template.read_bytes())
    create_log_keys(folder / "ledger.key")
    clock = FixedClock(NOW)
    gateway = assemble(
        store_settings(f"sqlite:///{file}", folder, root_file, folder / "ledger.key"), clock=clock
    )
    fill(gateway)
    stage = Stage(gateway, clock)
    _change_the_policy(stage)
    _change_the_register(stage)
    propose(stage)
    connect(stage)
    hold_back(stage)
    ask_to_erase(stage)
    _stop_what_was_sent(stage)
    demo_heard.consent_to_housing(stage)
    stage.by("lantern-idva", partial(name_an_advocate, stage))
    _begin_to_hear(stage)
    _prove_a_key(stage)
    yield stage
    gateway.store.close()


def _change_the_policy(stage: Stage) -> None:
    """One change begun, one checked, one signed, one that took away at once."""

    def begun(author: str, rule: str) -> str:
        draft_id = stage.by(
            author, lambda unit, actor: policy_drafts.start(unit, actor, "A change", "Agreed.").id
        )
        table = {**STOP, "id": rule}
        stage.by(author, lambda unit, actor: policy_drafts.put_rule(unit, actor, draft_id, FILE, table))
        return draft_id

    at_once, to_approve, to_sign = (begun("office-ig", f"mappa-stop-{number}") for number in range(3))
    for draft_id in (at_once, to_approve, to_sign):
        stage.by("office-ig", partial(_check_draft, draft_id))
    stage.clock.advance(timedelta(seconds=1))  # the newest is listed first, and only two of a kind are walked
    begun("office-ig", "mappa-stop-9")
    stage.by("office-ig", lambda unit, actor: policies.sign(unit, actor, to_approve))
    stage.by("office-ig", lambda unit, actor: policies.act_now(unit, actor, at_once))


def _check_draft(draft_id: str, unit: Unit, actor: Actor) -> None:
    assert policy_drafts.run_checks(unit, actor, draft_id).passed


def _answer_challenge(key_id: str, answer: str, unit: Unit, actor: Actor) -> None:
    keyring.prove(unit, actor, key_id, answer)


def _change_the_register(stage: Stage) -> None:
    """What one officer proposed and another answers: an authority, an identity, a fact, walls; and cover."""
    until = NOW.date() + timedelta(days=90)

    def ask_for_all(unit: Unit, actor: Actor) -> None:
        post_id, person = stage.post_id(unit, "police-ppu"), stage.subject_id(unit, "s-robin")
        authorities.grant_authority(
            unit, actor, post_id, role_code="mappa_coordinator", arrangement_id=None, ends_on=until
        )
        subject_changes.ask_correct(
            unit, actor, person, Identity(name="Robin Other"), "It was a misspelling."
        )
        agency_id = stage.agency_id(unit, "housing")
        case_id = unit.session.exec(select(Case.id).where(Case.reference == "M2-0417")).one()
        for kind in sorted(facts.RECORDABLE):
            with contextlib.suppress(GatewayError):
                facts.record(unit, actor, circumstance=kind, reason="It is so since May.", case_id=case_id)
        excluded = walls.place(
            unit, actor, person, kind="exclude", reason="He works there.", agency_ids=[agency_id]
        )
        walls.place(
            unit,
            actor,
            person,
            kind="exclude",
            reason="They know him.",
            agency_ids=[stage.agency_id(unit, "health")],
        )
        walls.place(
            unit,
            actor,
            stage.subject_id(unit, "s-sam"),
            kind="allow_only",
            reason="Only few may see it.",
            agency_ids=[stage.agency_id(unit, "police"), stage.agency_id(unit, "lantern")],
        )
        walls.ask_allow(
            unit,
            actor,
            stage.subject_id(unit, "s-sam"),
            reason="She works with them too.",
            agency_id=agency_id,
        )
        walls.ask_lift(unit, actor, excluded[0], "He left that agency.")

    stage.by("office-ig", ask_for_all)
    stage.by(
        "social-worker",
        lambda unit, actor: people.cover(
            unit, actor, actor.post_id, by_post_id=stage.post_id(unit, "marac-deputy"), until=until
        ),
    )


def _stop_what_was_sent(stage: Stage) -> None:
    """A parcel called back, and tasks that wait."""

    def act(unit: Unit, actor: Actor) -> None:
        sent = select(Parcel).where(
            Parcel.controller_agency_id == actor.agency_id, Parcel.copy_of == CopyOf.RECIPIENT
        )
        first = unit.session.exec(sent.order_by(col(Parcel.created_at))).first()
        assert first is not None
        withdraw.recall(unit, actor, first.id, next(iter(withdraw.RECALL_REASONS)))

    stage.by("police-ppu", act)


def _begin_to_hear(stage: Stage) -> None:
    """A talk with somebody that isn't over."""
    with stage.gateway.store.reading() as unit:
        idva = stage.post_id(unit, "lantern-idva")
    web = Web(shared_app(stage.gateway), stage.gateway)
    web.sign_in(idva)
    links = web.page("/views/").links()
    shown = web.page(next(href for href in links.values() if "/people/" in href))
    begins = next(form for form in shown.forms() if "/ask/" in (form.get("action") or ""))
    web.client.post(begins.get("action") or "", data=filled(begins))


def _prove_a_key(stage: Stage) -> None:
    """Keys that wait for an officer; and something that an officer's own agency owes."""
    pair = [ECKey.generate_key("P-256") for _ in range(2)]
    publics = [key.as_dict(private=False) for key in pair]
    for key, given in zip(
        pair, stage.by("marac-deputy", lambda unit, actor: keyring.enrol(unit, actor, publics)), strict=True
    ):
        answer = jwe.open_sealed(given.jwe, key.as_dict(private=True)).decode()
        stage.by("marac-deputy", partial(_answer_challenge, given.key_id, answer))

    def owe(unit: Unit, actor: Actor) -> None:
        asked = unit.session.exec(select(Request.id)).first()
        row = Task(
            partnership_id=actor.partnership_id,
            request_id=asked,
            kind="inform_subject",
            owner_agency_id=actor.agency_id,
            due_at=unit.now + timedelta(days=2),
        )
        unit.session.add(row)

    stage.by("office-ig", owe)


@pytest.fixture(scope="module")
def app(meadowshire: Stage) -> Flask:
    """The application over it."""
    return shared_app(meadowshire.gateway)


@pytest.fixture
def web(app: Flask, meadowshire: Stage) -> Web:
    """A browser; the application stands on Meadowshire again, whatever test ran between."""
    return Web(shared_app(meadowshire.gateway), meadowshire.gateway)


@pytest.fixture(scope="module")
def found(app: Flask, meadowshire: Stage) -> dict[str, Form]:
    """Every form that anybody comes to."""
    with meadowshire.gateway.store.reading() as unit:
        wanted = select(Post).where(col(Post.code).in_(WALKING))
        posts = [(post.id, Face(post.face)) for post in unit.session.exec(wanted)]
        ids = {
            name: [one for table in tables for one in unit.session.exec(select(table.id))]
            for name, tables in THINGS.items()
        }
    forms: dict[str, Form] = {}
    for post_id, face in posts:
        hostile.forms(Web(app, meadowshire.gateway), post_id, f"/{face}/", forms)
    for post_id, face in posts:
        hostile.try_addresses(
            Web(app, meadowshire.gateway), post_id, _addresses(app, face, ids, set(forms)), forms
        )
    return forms


def _addresses(app: Flask, face: Face, ids: dict[str, list[str]], known: set[str]) -> Iterator[str]:
    """Where a form that no link led to might stand: its route, with the ids of real things."""
    wanted = access.rules(app)
    for rule in app.url_map.iter_rules():
        names = sorted(rule.arguments)
        if not names or rule.endpoint in known or face not in wanted[rule.endpoint].faces:
            continue
        if "GET" in (rule.methods or ()) and set(names) <= set(ids):
            for values in itertools.product(*(ids[name] for name in names)):
                yield _filled(rule.rule, dict(zip(names, values, strict=True)))


def _filled(rule: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        rule = rule.replace(f"<id:{name}>", value)
    return rule


def taken_by_people(app: Flask) -> set[str]:
    """The routes that take what a person sends."""
    wanted = access.rules(app)
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        and not wanted[rule.endpoint].machine
        and rule.endpoint != "api.token"
    }


def test_every_route_that_takes_a_form_is_walked(app: Flask, found: dict[str, Form]) -> None:
    """Nobody can add a form and forget it here."""
    apart = ELSEWHERE | STOPPED | SCRIPTS | BUTTONS | LIVE | APART
    left = sorted(taken_by_people(app) - set(found) - apart)
    assert not left, " ".join(left)


def test_a_rule_is_said_as_far_as_it_goes_whatever_stands_in_its_form(
    web: Web, found: dict[str, Form]
) -> None:
    """Before the forms are sent: one of them takes a rule out, and that may be this one."""
    form = found["governance.policies_rule"]
    web.sign_in(form.post_id)
    live = re.search(r'data-preview="([^"]+)"', web.client.get(form.page).text)
    assert live is not None, form.page
    token = _token(web, form.page)
    for field, _kind in form.fields:
        for value in BAD.values():
            answer = web.client.post(live[1], data={**form.values, "csrf_token": token, field: value})
            assert answer.status_code == 200, (field, value[:40])
            assert set(answer.json or {}) == {"sentence", "source", "missing"}


def test_what_is_wrong_in_a_form_is_named_and_nothing_breaks(
    web: Web, found: dict[str, Form], finds: Finds
) -> None:
    """Each field of each form: empty, too long, unreadable, foreign."""
    faults, sent = [], 0
    for form in found.values():
        web.sign_in(form.post_id)
        token = _token(web, "/")
        shown = replace(form, values={**form.values, "csrf_token": token})
        for field, kind in form.fields:
            for what in BAD:
                if what in {"code", "id", "number"} and kind in {"textarea", "text"}:
                    continue  # these are as good as any
                sent += 1
                try:
                    send(web, shown, field, kind, what)
                except AssertionError as fault:
                    faults.append(str(fault).splitlines()[0])
    assert not faults, "\n".join(faults)
    finds(f"{len(found)} forms, {sent} times sent with something wrong in one field: none breaks")


def test_a_script_that_sends_nonsense_is_told_so(web: Web, meadowshire: Stage, app: Flask) -> None:
    """JSON of every wrong shape, to every route that only a script speaks to."""
    with meadowshire.gateway.store.reading() as unit:
        web.sign_in(meadowshire.post_id(unit, "probation-om"))
    token = _token(web, "/staff/")
    headers = {"Accept": "application/json", "X-CSRFToken": token}
    shapes: list[object] = [
        None,
        [],
        {},
        "text",
        1,
        {"seen": 1},
        {"seen": [1]},
        {"keys": [1, 2]},
        {"keys": {}},
    ]
    shapes += [{"key_id": 10**400, "answer": []}, {"opening_id": "\ud800", "sealed": "a\x00"}, {"reason": {}}]
    for rule in app.url_map.iter_rules():
        if rule.endpoint in SCRIPTS:
            for shape in shapes:
                for data in (json.dumps(shape), json.dumps(shape)[:-1]):
                    answer = web.client.post(
                        address(rule), data=data, content_type="application/json", headers=headers
                    )
                    assert answer.status_code < 500, (rule.endpoint, data)


def _token(web: Web, page: str) -> str:
    answer = web.client.get(page, follow_redirects=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
    assert found is not None, page
    return found[1]
