"""Entries of the log as an officer finds and reads them; holding one back, revealing it, and erasing one by two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.errors import Forbidden
from gateway.review import entries, erasing, holding
from gateway.review.entries import SeenEntry
from gateway.review.erasing import ErasureView
from gateway.review.holding import Holding, HoldView
from gateway.review.models import ErasureGround, ErasureState, HoldGround
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, when
from gateway.web.forms import page
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.entry_forms import EraseForm, FindForm, HoldForm, KeepForm, RevealForm
from gateway.web.governance.forms import PlainForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, names

ANSWERED_SHOWN = 20
_ANSWERS = {ErasureState.ERASED: "Erased", ErasureState.REFUSED: "Refused"}
_GONE = (
    "Once it is erased, what it says can't be read here again. Its place in the log stays, and the log says who "
    "decided it and why. Copies live on in backups until their key is destroyed."
)


@blueprint.route("/entries", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def entry_list() -> ResponseReturnValue:
    """Find an entry by its number; and what is held back."""
    form = FindForm()
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.reading() as unit:
                found = entries.find(unit, current_actor(), form.find.data or "")
            return redirect(url_for(".entry_page", entry_id=found))
    with current_gateway().store.reading() as unit:
        held = holding.held(unit, current_actor())
        asked = erasing.erasures(unit, current_actor())
    waiting = [one for one in asked if one.state is ErasureState.WAITING]
    answered = [one for one in asked if one.state is not ErasureState.WAITING]
    listings = [_held_back(held), _erasures(waiting), _answered(answered[:ANSWERED_SHOWN])]
    return page("governance/entries.html", form=form, listings=listings)


@blueprint.get("/entries/<id:entry_id>")
@allow(Face.GOVERNANCE)
def entry_page(entry_id: str) -> ResponseReturnValue:
    """One entry in plain words, and what she may decide about it."""
    seen = _look(entry_id)
    return page(
        "governance/entry.html",
        told=seen.told,
        facts=[{"key": key, "value": value} for key, value in (*_facts(seen.hold), *_asked(seen.erasure))],
        said=seen.said,
        warnings=[*_warnings(seen.hold), *_waits(seen.erasure)],
        acts=_acts(seen),
    )


@blueprint.route("/entries/<id:entry_id>/hold", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def hold_entry(entry_id: str) -> ResponseReturnValue:
    """Hold it back, at once."""
    actor, form = current_actor(), HoldForm()
    seen = _look(entry_id, "hold")
    with current_gateway().store.reading() as unit:
        form.reviewer.choices = pick(holding.reviewers(unit, actor, entry_id))
        last = holding.latest_day(unit, actor)
    return confirm(
        form,
        lambda unit: holding.hold(
            unit,
            actor,
            entry_id,
            Holding(HoldGround(form.ground.data), form.reasons.data, form.reviewer.data, form.review_on.data),
        ),
        heading="Hold this entry back?",
        done="The entry is held back. The officer you named looks at it again.",
        back=url_for(".entry_page", entry_id=entry_id),
        facts=_which(seen),
        says=[
            "It acts at once. The person's advocate no longer reads the entry.",
            "She is told that one is held back, and by which day somebody looks at it again.",
            f"It can be held back until {day(last)} at the latest, and longer after each review.",
        ],
        button="Hold it back",
        warning=True,
    )


@blueprint.route("/entries/<id:entry_id>/keep-holding", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def keep_holding_entry(entry_id: str) -> ResponseReturnValue:
    """Look again, and keep holding it back."""
    form, seen = KeepForm(), _look(entry_id, "keep_holding")
    return confirm(
        form,
        lambda unit: holding.keep_holding(
            unit, current_actor(), entry_id, form.reasons.data, form.review_on.data
        ),
        heading="Keep holding this entry back?",
        done="The entry stays held back until you look at it again.",
        back=url_for(".entry_page", entry_id=entry_id),
        facts=[*_which(seen), *_facts(seen.hold)],
        button="Keep holding it back",
        warning=True,
    )


@blueprint.route("/entries/<id:entry_id>/reveal", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def reveal_entry(entry_id: str) -> ResponseReturnValue:
    """Look again, and reveal it."""
    form, seen = RevealForm(), _look(entry_id, "reveal")
    return confirm(
        form,
        lambda unit: holding.reveal(unit, current_actor(), entry_id, form.reasons.data),
        heading="Reveal this entry?",
        done="The entry is revealed.",
        back=url_for(".entry_page", entry_id=entry_id),
        facts=[*_which(seen), *_facts(seen.hold)],
        says=[
            "The person's advocate reads it from now on, and that it was held back. It can't be held back again."
        ],
        button="Reveal it",
    )


@blueprint.route("/entries/<id:entry_id>/erase", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def erase_entry(entry_id: str) -> ResponseReturnValue:
    """Ask for it to be erased."""
    form, seen = EraseForm(), _look(entry_id, "ask_erasure")
    return confirm(
        form,
        lambda unit: erasing.ask(
            unit, current_actor(), entry_id, ErasureGround(form.ground.data), form.reasons.data
        ),
        heading="Ask for this entry to be erased?",
        done="Nothing is erased yet. Another officer was asked.",
        back=url_for(".entry_page", entry_id=entry_id),
        facts=_which(seen),
        says=[
            "Nothing changes until another officer approves it. She isn't named in it and gains nothing by it.",
            _GONE,
        ],
        button="Ask for it to be erased",
        warning=True,
    )


@blueprint.route("/entries/<id:entry_id>/erase/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_erasure(entry_id: str) -> ResponseReturnValue:
    """Erase it, as the second officer."""
    seen = _look(entry_id, "approve")
    return confirm(
        PlainForm(),
        lambda unit: erasing.approve(unit, current_actor(), entry_id),
        heading="Erase what this entry says?",
        done="The entry is erased. The log says that you approved it, and why it was asked for.",
        back=url_for(".entry_list"),
        facts=[*_which(seen), *_asked(seen.erasure)],
        says=[_GONE, "Have you seen the order, or checked the mistake yourself?"],
        button="Erase it for good",
        warning=True,
    )


@blueprint.route("/entries/<id:entry_id>/erase/refuse", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def refuse_erasure(entry_id: str) -> ResponseReturnValue:
    """End it: nothing is erased."""
    seen = _look(entry_id, "refuse")
    return confirm(
        PlainForm(),
        lambda unit: erasing.refuse(unit, current_actor(), entry_id),
        heading="Refuse to erase this entry?",
        done="Nothing was erased.",
        back=url_for(".entry_page", entry_id=entry_id) if seen.hers else url_for(".entry_list"),
        facts=[*_which(seen), *_asked(seen.erasure)],
        says=["The entry stays as it is. It can be asked for again, with other reasons."],
        button="Refuse it",
    )


def _look(entry_id: str, to: str = "") -> SeenEntry:
    with current_gateway().store.writing() as unit:
        seen = entries.look(unit, current_actor(), entry_id)
    if to and to not in seen.may:
        raise Forbidden(
            "You can't decide this about this entry.",
            next_step="Go to the page of the entry: it says what can be decided, and who decides it.",
        )
    return seen


def _held_back(held: Sequence[HoldView]) -> Listing:
    rows: list[list[Cell]] = [
        [
            _link_to(one),
            f"{day(one.until)}, overdue" if one.overdue else day(one.until),
            "You" if one.hers_to_review else one.reviewer,
            "You" if one.held_by_her else one.held_by,
        ]
        for one in held
    ]
    return Listing(
        "Held back",
        ("Entry", "Looked at again by", "Who looks again", "Held back by"),
        rows,
        empty="No entry that you answer for or review is held back.",
    )


def _erasures(waiting: Sequence[ErasureView]) -> Listing:
    rows: list[list[Cell]] = [
        [_link_to(one), one.ground, when(one.asked_at), one.asked_by] for one in waiting
    ]
    return Listing(
        "Erasures that wait for a second officer",
        ("Entry", "Ground", "Asked for", "By"),
        rows,
        empty="None waits.",
    )


def _answered(erasures: Sequence[ErasureView]) -> Listing:
    rows: list[list[Cell]] = [
        [_ANSWERS[one.state], one.ground, one.asked_by, one.answered_by, when(one.answered_at)]
        for one in erasures
    ]
    return Listing(
        "Erasures that were answered",
        ("Answer", "Ground", "Asked for by", "Answered by", "Answered"),
        rows,
        empty="None was answered.",
    )


def _link_to(one: HoldView | ErasureView) -> Cell:
    return link(f"Entry {one.number}", url_for(".entry_page", entry_id=one.entry_id))


def _which(seen: SeenEntry) -> list[tuple[str, Cell]]:
    return [("Entry", f"{seen.told.number}: {seen.told.title}"), ("Who", seen.told.who)]


def _facts(hold: HoldView | None) -> list[tuple[str, Cell]]:
    if hold is None:
        return []
    return [
        ("Held back by", hold.held_by),
        ("Ground", hold.ground or "None was recorded"),
        ("Reasons", hold.reasons),
        ("Looked at again by", day(hold.until)),
        ("Who looks again", hold.reviewer),
    ]


def _asked(erasure: ErasureView | None) -> list[tuple[str, Cell]]:
    if erasure is None:
        return []
    return [
        ("Erasure asked for by", erasure.asked_by),
        ("Asked for", when(erasure.asked_at)),
        ("Ground to erase it", erasure.ground),
        ("Reasons to erase it", erasure.reasons),
        ("Who can approve it", names(sorted(erasure.approvers.values()))),
    ]


def _waits(erasure: ErasureView | None) -> list[str]:
    if erasure is None:
        return []
    return [
        erasing.NOBODY_CAN if erasure.stuck else "Its erasure was asked for, and waits for a second officer."
    ]


def _warnings(hold: HoldView | None) -> list[str]:
    if hold is None:
        return []
    if not hold.overdue:
        return [f"Held back until somebody looks at it again on {day(hold.until)}. Tell nobody what it says."]
    who = "You were" if hold.hers_to_review else f"{hold.reviewer} was"
    return [
        f"The review is overdue: {who} to look at it again by {day(hold.until)}. Tell nobody what it says."
    ]


def _acts(seen: SeenEntry) -> list[Act]:
    place: dict[str, Any] = {"entry_id": seen.told.entry_id}
    ways = {
        "reveal": Act("Reveal it", url_for(".reveal_entry", **place)),
        "keep_holding": Act("Keep holding it back", url_for(".keep_holding_entry", **place)),
        "hold": Act(
            "Hold it back",
            url_for(".hold_entry", **place),
            "Only while it would be unlawful to reveal it to the person's advocate.",
        ),
        "approve": Act("Erase it, as the second officer", url_for(".approve_erasure", **place)),
        "refuse": Act("Refuse to erase it", url_for(".refuse_erasure", **place)),
        "ask_erasure": Act(
            "Ask for it to be erased",
            url_for(".erase_entry", **place),
            "Only for a court's order, or what should never have been recorded.",
        ),
    }
    return [way for name, way in ways.items() if name in seen.may]
