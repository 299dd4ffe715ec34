"""Agencies' systems that use the API: who acts as whom, approving one as the second officer, and ending one at once."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.api import clients
from gateway.api.clients import SystemState, SystemView
from gateway.registry import people
from gateway.registry.people import in_words
from gateway.sealing.public_key import fingerprint
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label, when
from gateway.web.forms import Answer, GatewayForm, LongAnswer, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Act, Cell, Listing, code, confirm, link, names, record, section

_LIST = ".system_list"
_STATES = {
    SystemState.WAITING: "Waits for approval",
    SystemState.ACTIVE: "May sign in",
    SystemState.IDLE: "Its post is over: it cannot sign in",
    SystemState.REFUSED: "Refused",
    SystemState.ENDED: "Ended",
}
_GONE = {SystemState.REFUSED, SystemState.ENDED}
_NOBODY = (
    "Nobody can approve this: whoever could registered it or holds the post it would act in. "
    "Have another officer named, or refuse it."
)
_POST_OVER = "The post it would act in is over. Refuse it, and register the system again in another post."
_COMPARE = (
    "Did the person named above register this system? Ask her: a command can do it in her name.",
    "Call whoever runs the system on a number you know and let them read out the fingerprint of its key.",
    "Approve only if it is the same: whoever holds the key reads and asks for what this post may.",
)


class SystemForm(GatewayForm):
    """A system and the public half of its key."""

    name = Answer("What is the system called?", [required("Enter a name")], longest=100)
    jwk = LongAnswer("Its public key, as a JWK", [required("Paste the public key")], longest=1000)


@blueprint.get("/systems")
@allow(Face.GOVERNANCE)
def system_list() -> ResponseReturnValue:
    """Every system that the officer answers for."""
    with current_gateway().store.reading() as unit:
        found = clients.systems(unit, current_actor())

    def rows(*states: SystemState) -> list[list[Cell]]:
        return [_row(one) for one in found if one.state in states]

    head = ("System", "Acts as", "Agency", "Registered", "State")
    return section(
        "Systems",
        Listing("Waiting for a second officer", head, rows(SystemState.WAITING), empty="None waits."),
        Listing("Approved", head, rows(SystemState.ACTIVE, SystemState.IDLE), empty="No system may sign in."),
        Listing("Refused or ended", head, rows(*_GONE), empty="There is none."),
        intro="A system of an agency does over the API what the post it acts in may do. One officer registers it from "
        "the page of that post, another approves it, neither holds the post. Each of them ends it at once.",
    )


@blueprint.get("/systems/<id:client_id>")
@allow(Face.GOVERNANCE)
def system_page(client_id: str) -> ResponseReturnValue:
    """One system."""
    found = _found(client_id)
    return record(
        "System", back=url_for(_LIST), warnings=_warnings(found), facts=_facts(found), acts=_acts(found)
    )


@blueprint.route("/systems/<id:client_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_system(client_id: str) -> ResponseReturnValue:
    """Approve as the second officer."""
    return confirm(
        PlainForm(),
        lambda unit: clients.approve(unit, current_actor(), client_id),
        heading="Approve this system?",
        done="The system may sign in from now.",
        back=url_for(_LIST),
        facts=_facts(_found(client_id)),
        says=_COMPARE,
        button="It is the same: approve",
    )


@blueprint.route("/systems/<id:client_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_system(client_id: str) -> ResponseReturnValue:
    """End a system, or refuse one that waits."""
    found = _found(client_id)
    waits = found.state is SystemState.WAITING
    return confirm(
        PlainForm(),
        lambda unit: clients.end(unit, current_actor(), client_id),
        heading="Refuse this system?" if waits else "End this system?",
        done="The system is refused." if waits else "The system has ended. It is signed out.",
        back=url_for(_LIST),
        facts=_facts(found),
        says=["It takes a new key and a new registration to undo this."],
        button="Refuse" if waits else "End system",
        warning=True,
    )


@blueprint.route("/posts/<id:post_id>/system", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def register_system(post_id: str) -> ResponseReturnValue:
    """Register a system that acts in a post."""
    with current_gateway().store.reading() as unit:
        post = people.post_record(unit, current_actor(), post_id).view
    form = SystemForm()
    return confirm(
        form,
        lambda unit: clients.register(
            unit,
            current_actor(),
            post_id=post_id,
            name=form.name.data,
            jwk=clients.read_key(form.jwk.data),
        ),
        heading="Register a system",
        done="It waits for a second officer.",
        back=url_for(_LIST),
        facts=[("Would act as", in_words(post))],
        says=[
            "The system does over the API what this post may do, once another officer approves it.",
            "Its private key stays with it. Paste the public half only.",
        ],
        button="Ask for approval",
    )


def _found(client_id: str) -> SystemView:
    with current_gateway().store.reading() as unit:
        return clients.system(unit, current_actor(), client_id)


def _row(one: SystemView) -> list[Cell]:
    return [
        link(one.name, url_for(".system_page", client_id=one.client_id), f"as {one.post.name}"),
        f"{one.post.name}, {label(one.post.role, 'role').lower()}",
        one.post.agency_name,
        when(one.registered_at),
        _STATES[one.state],
    ]


def _facts(one: SystemView) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [
        ("System", one.name),
        ("State", _STATES[one.state]),
        ("Acts as", in_words(one.post)),
        ("Registered by", one.registered_by),
        ("Registered", when(one.registered_at)),
        ("Fingerprint of its key", fingerprint(one.thumbprint)),
        ("The same as a thumbprint (RFC 7638)", code(one.thumbprint)),
        ("Client id", code(one.client_id)),
    ]
    if one.state is SystemState.WAITING:
        facts.append(("Who can approve it", names(sorted(one.approvers.values()))))
    if one.approved_by:
        facts.append(("Approved by", one.approved_by))
    if one.ended_at is not None:
        facts.append((_STATES[one.state], when(one.ended_at)))
    return facts


def _warnings(one: SystemView) -> list[str]:
    if not one.stuck:
        return []
    return [_NOBODY if one.post_is_current else _POST_OVER]


def _acts(one: SystemView) -> list[Act]:
    place: dict[str, Any] = {"client_id": one.client_id}
    if one.state in _GONE:
        return []
    if one.state is not SystemState.WAITING:
        return [Act("End it", url_for(".end_system", **place), "at once, with its sign-ins")]
    approve = [Act("Approve it", url_for(".approve_system", **place))]
    refuse = Act("Refuse it", url_for(".end_system", **place))
    return [*(approve if current_actor().post_id in one.approvers else []), refuse]
