"""My keys: what they are for, making them in this browser, proving them, a second one, and ending one."""

from __future__ import annotations

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import keyring
from gateway.errors import Invalid, NotFound
from gateway.sealing.models import RecipientKey
from gateway.sealing.public_key import fingerprint
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.staff.acts import confirm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.forms import WithdrawKeyForm

_MOST_AT_ONCE = 2


@blueprint.get("/keys")
@allow(Face.STAFF)
def my_keys() -> ResponseReturnValue:
    """My keys, in use and ended."""
    return page("staff/keys/list.html", keys=_mine(), fingerprint=fingerprint)


@blueprint.get("/keys/about")
@allow(Face.STAFF)
def about_keys() -> ResponseReturnValue:
    """What a key is, before one is made."""
    return page("staff/keys/about.html", keys=_mine())


@blueprint.get("/keys/make")
@allow(Face.STAFF)
def make_keys() -> ResponseReturnValue:
    """Make two keys in this browser and save the backup."""
    return page("staff/keys/make.html")


@blueprint.get("/keys/restore")
@allow(Face.STAFF)
def restore_keys() -> ResponseReturnValue:
    """Bring keys back from the backup file, in this browser."""
    return page("staff/keys/restore.html")


@blueprint.post("/keys/enrol")
@allow(Face.STAFF)
def enrol() -> ResponseReturnValue:
    """For the script: register the public halves; what comes back can be read only with the private ones."""
    sent = _listed("keys")
    with current_gateway().store.writing() as unit:
        challenges = keyring.enrol(unit, current_actor(), sent)
    return jsonify(challenges=[vars(one) for one in challenges])


@blueprint.post("/keys/prove")
@allow(Face.STAFF)
def prove() -> ResponseReturnValue:
    """For the script: take the proof that the private halves are in the holder's hands."""
    for one in _listed("answers"):
        key_id, answer = one.get("key_id"), one.get("answer")
        if not isinstance(key_id, str) or not isinstance(answer, str):
            raise _not_understood("answers")
        # Each in its own transaction: a wrong answer uses up its own challenge and no other.
        with current_gateway().store.writing() as unit:
            keyring.prove(unit, current_actor(), key_id, answer)
    return jsonify(proved=True)


@blueprint.route("/keys/<id:key_id>/withdraw", methods=["GET", "POST"])
@allow(Face.STAFF)
def withdraw_key(key_id: str) -> ResponseReturnValue:
    """End a key at once."""
    key = next((one for one in _mine() if one.id == key_id), None)
    if key is None:
        raise NotFound("There is no such key.")
    form = WithdrawKeyForm()
    return confirm(
        form,
        lambda unit: keyring.revoke(unit, current_actor(), key_id, form.because.data or ""),
        done="The key was withdrawn. Nothing is sealed to it any more.",
        back=url_for(".my_keys"),
        template="staff/keys/withdraw.html",
        key=key,
        print=fingerprint(key.kid),
    )


def _mine() -> list[RecipientKey]:
    with current_gateway().store.reading() as unit:
        return keyring.mine(unit, current_actor())


def _listed(name: str) -> list[dict[str, object]]:
    """A short list of objects in the JSON that was sent.

    Raises:
        Invalid: anything else.
    """
    sent = request.get_json(silent=True)
    listed = sent.get(name) if isinstance(sent, dict) else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MOST_AT_ONCE:
        raise _not_understood(name)
    if not all(isinstance(one, dict) for one in listed):
        raise _not_understood(name)
    return listed


def _not_understood(name: str) -> Invalid:
    return Invalid(
        "The browser sent something that isn't a key.",
        next_step="Reload the page and start again.",
        fields={name: f"Send {_MOST_AT_ONCE} of them."},
    )
