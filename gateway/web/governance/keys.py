"""The keys of an officer's agencies: those that wait for her approval, those in use, and ending one."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import keyring
from gateway.errors import NotFound
from gateway.registry import agencies, people
from gateway.sealing.models import KeyState, RecipientKey
from gateway.sealing.public_key import fingerprint
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import when
from gateway.web.forms import GatewayForm, OneOf, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Cell, Listing, confirm, link, record

_HEAD = ("Holder", "Agency", "Fingerprint")


class EndKeyForm(GatewayForm):
    """Why an officer ends a key."""

    because = OneOf(
        "Why does this key end?",
        [required("Choose why the key ends")],
        choices=[
            ("lost", "It is lost"),
            ("stolen", "Somebody else may have it"),
            ("left", "Its holder left the post"),
            ("replaced", "There is a new one"),
            ("mistake", "It was made by mistake, or its fingerprint is not the one its holder reads out"),
        ],
        choose="Choose a reason from the list",
    )


@blueprint.get("/keys")
@allow(Face.GOVERNANCE)
def key_list() -> ResponseReturnValue:
    """Keys that wait for approval, and those in use."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        waiting, living = keyring.to_approve(unit, actor), keyring.in_use(unit, actor)
        names = agencies.names(unit, actor.partnership_id)
        holders = {key.id: _holder(unit, key) for key in (*waiting, *living)}

    def cells(key: RecipientKey, first: Cell) -> list[Cell]:
        return [first, names.get(key.agency_id, ""), fingerprint(key.kid)]

    listings = (
        Listing(
            "Waiting for approval",
            (*_HEAD, "Proved", ""),
            [
                [
                    *cells(key, _to("approve_key", key, holders[key.id])),
                    when(key.proved_at),
                    _to("end_key", key, "Turn down"),
                ]
                for key in waiting
            ],
            empty="No key waits for you.",
        ),
        Listing(
            "In use",
            (*_HEAD, "Ends on", ""),
            [
                [*cells(key, holders[key.id]), when(key.not_after), _to("end_key", key, "End it")]
                for key in living
            ],
            empty="No key is in use in your agency.",
        ),
    )
    return record("Keys", back=url_for(".home"), listings=listings)


@blueprint.route("/keys/<id:key_id>", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_key(key_id: str) -> ResponseReturnValue:
    """Approve a key after comparing its fingerprint with its holder."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        key = _chosen(keyring.to_approve(unit, actor), key_id)
        holder = _holder(unit, key)
    return confirm(
        PlainForm(),
        lambda unit: keyring.approve(unit, actor, key_id),
        heading="Approve this key?",
        done="The key is in use.",
        back=url_for(".key_list"),
        facts=[("Holder", holder), ("Fingerprint", fingerprint(key.kid))],
        says=[
            "Call the holder on a number you know and let her read out the fingerprint.",
            "Approve only if it is the same: whoever holds the key reads what is sealed to it.",
            "If it is another, go back and turn it down, and ask the holder to make new ones.",
        ],
        button="It is the same: approve",
    )


@blueprint.route("/keys/<id:key_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_key(key_id: str) -> ResponseReturnValue:
    """End a key at once, or turn one down that waits."""
    actor, form = current_actor(), EndKeyForm()
    with current_gateway().store.reading() as unit:
        key = _chosen([*keyring.to_approve(unit, actor), *keyring.in_use(unit, actor)], key_id)
        holder = _holder(unit, key)
    waits = key.state == KeyState.PENDING
    return confirm(
        form,
        lambda unit: keyring.revoke(unit, actor, key_id, form.because.data or ""),
        heading="Turn this key down?" if waits else "End this key?",
        done="The key was turned down." if waits else "The key has ended. Nothing is sealed to it any more.",
        back=url_for(".key_list"),
        facts=[("Holder", holder), ("Fingerprint", fingerprint(key.kid))],
        says=[
            "It ends at once, and can't be used again: its holder makes a new one.",
            "What was sealed to it before can be opened only where the key still is.",
        ],
        button="Turn it down" if waits else "End key",
        warning=True,
    )


def _chosen(keys: Sequence[RecipientKey], key_id: str) -> RecipientKey:
    for key in keys:
        if key.id == key_id:
            return key
    raise NotFound("There is no such key.", next_step="Go back to the list of keys.")


def _to(endpoint: str, key: RecipientKey, text: str) -> Cell:
    return link(text, url_for(f".{endpoint}", key_id=key.id), f"key {fingerprint(key.kid)}")


def _holder(unit: Unit, key: RecipientKey) -> str:
    if key.post_id is None:
        return key.system or ""
    return people.post_view(unit, key.partnership_id, key.post_id).name
