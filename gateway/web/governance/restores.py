"""While the log is stopped: what its witnesses saw and what is left, and the two officers who declare the restore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from flask import session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from wtforms import HiddenField

from gateway.errors import Conflict, GatewayError, Invalid
from gateway.ledger.epoch import Gap, gap
from gateway.ledger.witness import disputed, last_seen
from gateway.review import restores, restoring
from gateway.review.models import RestoreState
from gateway.review.restores import DeclarationView, Frozen
from gateway.review.restoring import Present
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, when
from gateway.web.forms import GatewayForm, LongAnswer, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Act, Cell, Listing, code, confirm, names, record
from gateway.web.sessions import DatabaseSession

_LONGEST = 2000
_WHERE_IT_STANDS = {
    RestoreState.WAITING: "Waits for the second officer",
    RestoreState.AGREED: "Agreed: the operator can begin the log anew",
    RestoreState.REFUSED: "Refused, or taken back",
    RestoreState.CARRIED_OUT: "Carried out",
}
_BACK = "Posts stand as they were when the backup was made: one that was ended since then counts again."
_SPEAK = (
    "Have you spoken to her, on a number you know, and does she still hold this post?",
    "Have you heard from one of the witnesses itself, and not from the operator alone, what it last saw?",
)


class DeclareForm(GatewayForm):
    """Why the log has to begin anew; `numbers` are those that were shown with it, so that nobody signs others."""

    numbers = HiddenField()
    reasons = LongAnswer(
        "What happened?",
        [required("Say what happened in a sentence")],
        longest=_LONGEST,
        description="Which backup was restored, and why? Leave out names and addresses. These words are kept, sealed.",
    )


@dataclass(frozen=True)
class Stopped:
    """What an officer sees of a stop: since when and why, and what the witnesses hold or why that can't be said."""

    reason: str
    since: datetime | None
    witnessed: Sequence[str]
    found: Gap | None
    problems: Sequence[str]
    frozen: Frozen

    @property
    def numbers(self) -> str:
        """What she signs when she declares it, empty where it isn't known."""
        found = self.found
        return f"{found.number} {found.checkpoint.size} {found.root} {found.held}" if found else ""


@blueprint.get("/restores")
@allow(Face.GOVERNANCE)
def restore_list() -> ResponseReturnValue:
    """The stop, if there is one, and what was declared."""
    stopped = _stopped()
    with current_gateway().store.reading() as unit:
        declared = restores.declared(unit, current_actor())
    waits = next((one for one in declared if one.state in restores.OPEN and not one.lapsed), None)
    if stopped is None:
        return record(
            "Restores",
            back=url_for(".home"),
            texts=[
                (
                    "The log goes on",
                    "No witness holds another history of the log, so nothing has to be declared.",
                )
            ],
            listings=[_declared_before(declared, None)],
        )
    return record(
        "The log is stopped",
        back=url_for(".home"),
        warnings=_warnings(stopped, waits),
        facts=[*_gap_facts(stopped), *_facts(waits)],
        listings=[_witnesses(stopped), _declared_before(declared, waits)],
        texts=_next(stopped, declared, waits),
        acts=_acts(waits),
    )


@blueprint.route("/restores/declare", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def declare_restore() -> ResponseReturnValue:
    """Declare it, as the first officer."""
    stopped = _stopped()
    if stopped is None:
        return restore_list()
    form = DeclareForm(numbers=stopped.numbers)
    as_shown, form.numbers.data = form.numbers.data == stopped.numbers, stopped.numbers

    def declare(unit: Unit, present: Present) -> None:
        if not as_shown:
            raise Invalid("The numbers changed while you read them. Look at them again before you sign.")
        restoring.declare(unit, present, form.reasons.data)

    return _answered(
        form,
        declare,
        stopped.witnessed,
        heading="Declare that a backup was restored?",
        done="Declared. Call a second officer: nothing begins until she has signed in and agreed.",
        facts=_gap_facts(stopped),
        says=[
            "Your signature covers these numbers and your reasons. Another officer has to agree.",
            *_SPEAK[1:],
        ],
        listings=[_witnesses(stopped)],
        button="Declare and sign",
    )


@blueprint.route("/restores/<id:declaration_id>/agree", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def agree_to_restore(declaration_id: str) -> ResponseReturnValue:
    """Agree to it, as the second officer."""
    one, stopped = _one(declaration_id, "agree"), _must_be_stopped()
    return _answered(
        PlainForm(),
        lambda unit, present: restoring.agree(unit, present, declaration_id),
        stopped.witnessed,
        heading="Agree that the log begins anew?",
        done="Agreed and signed. Give the operator the reference.",
        facts=[*_gap_facts(stopped), *_facts(one)],
        says=[_BACK, *_SPEAK],
        listings=[_witnesses(stopped)],
        button="Agree and sign",
    )


@blueprint.route("/restores/<id:declaration_id>/refuse", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def refuse_restore(declaration_id: str) -> ResponseReturnValue:
    """Refuse it, or take it back."""
    one = _one(declaration_id, "refuse")
    return _answered(
        PlainForm(),
        lambda unit, present: restoring.refuse(unit, present, declaration_id),
        (),
        heading="Refuse this restore?",
        done="Refused. The log stays stopped until a restore is declared and agreed to.",
        facts=_facts(one),
        says=["The log stays stopped. A restore can be declared again."],
        button="Refuse it",
    )


def _answered(
    form: GatewayForm,
    act: Callable[[Unit, Present], object],
    witnessed: Sequence[str],
    *,
    heading: str,
    done: str,
    facts: Sequence[tuple[str, Cell]],
    says: Sequence[str],
    button: str,
    listings: Sequence[Listing] = (),
) -> ResponseReturnValue:
    """Show the page of an act, or do it on what the witnesses serve when it is sent."""
    present = Present(current_actor(), _signed_in_at(), witnessed)
    return confirm(
        form,
        lambda unit: act(unit, present),
        heading=heading,
        done=done,
        back=url_for(".restore_list"),
        facts=facts,
        says=says,
        listings=listings,
        button=button,
        warning=True,
    )


def _signed_in_at() -> datetime:
    row = cast(DatabaseSession, session).row
    return row.started if row is not None else datetime.min.replace(tzinfo=UTC)


def _stopped() -> Stopped | None:
    """What is known of the stop, or None where no witness holds anything against the log."""
    gateway = current_gateway()
    reason = disputed(gateway.journal)
    if reason is None:
        return None
    witnessed, problems = last_seen(gateway.store, gateway.journal)
    with gateway.store.reading() as unit:
        frozen = restores.would_freeze(unit, current_actor())
        try:
            found, said = gap(unit, witnessed), list(problems)
        except GatewayError as error:
            found, said = None, [*problems, f"{error.message} {error.next_step}"]
    return Stopped(reason, gateway.journal.stopped_at, witnessed, found, said, frozen)


def _must_be_stopped() -> Stopped:
    stopped = _stopped()
    if stopped is None:
        raise Conflict(
            "The log isn't stopped, so no restore can be declared.", next_step="Go back to the list."
        )
    return stopped


def _one(declaration_id: str, to: str) -> DeclarationView:
    with current_gateway().store.reading() as unit:
        return restores.declared_as(unit, current_actor(), declaration_id, to)


def _warnings(stopped: Stopped, waits: DeclarationView | None) -> list[str]:
    said = [f"Nothing is recorded or released: {stopped.reason}."]
    if (
        stopped.since is not None
        and _signed_in_at() <= stopped.since
        and (waits is None or "agree" in waits.may)
    ):
        said.append(
            "You signed in before the log was stopped. Sign out and sign in again to declare or agree."
        )
    return said


def _gap_facts(stopped: Stopped) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [("Stopped", when(stopped.since))]
    if stopped.found is not None:
        found = stopped.found
        facts += [
            ("The witnesses had seen", count(found.checkpoint.size, "entry", "entries")),
            ("The store still holds", _held(found)),
            ("Lost", _lost(found)),
            *(
                (
                    "Lost whole",
                    f"{one.origin}, {count(one.size, 'entry', 'entries')}: it began after an earlier restore",
                )
                for one in found.later
            ),
        ]
    frozen = stopped.frozen
    kinds = (
        count(frozen.parcels, "sealed parcel"),
        count(frozen.consents, "consent"),
        count(frozen.mandates, "mandate"),
    )
    waiting = Markup("<br>").join([*kinds, "Everybody signs in anew. Walls stay up."])
    return [*facts, ("Will not count until somebody confirms it", waiting)]


def _held(found: Gap) -> str:
    held = count(found.held, "entry", "entries")
    return f"{held}, the last signed on {when(found.held_until)}" if found.held_until else held


def _lost(found: Gap) -> str:
    if found.lost:
        return count(found.lost, "entry", "entries")
    return "None are missing, but they are not the entries that the witnesses saw: the log was rewritten"


def _witnesses(stopped: Stopped) -> Listing:
    rows: list[list[Cell]] = [
        [one.witness, f"{one.size:,}", when(one.at)] for one in (stopped.found.seen if stopped.found else ())
    ]
    rows += [[said, "", ""] for said in stopped.problems]
    return Listing("What each witness last saw", ("Witness", "Entries", "Signed"), rows)


def _facts(one: DeclarationView | None) -> list[tuple[str, Cell]]:
    if one is None:
        return []
    facts: list[tuple[str, Cell]] = [
        ("Declared by", one.declared_by),
        ("Declared", when(one.declared_at)),
        ("Reasons", one.reasons),
        (
            "Declared of",
            f"{one.witnessed_size:,} entries seen, {one.held:,} still held",
        ),
    ]
    if one.state is RestoreState.WAITING:
        facts.append(("Who can agree", names(one.seconds)))
    if one.agreed_by:
        facts += [("Agreed to by", one.agreed_by), ("Agreed", when(one.agreed_at))]
        facts.append(("Reference", code(one.reference)))
    facts.append(("Lapses", when(one.lapses_at)))
    return facts


def _next(
    stopped: Stopped, declared: Sequence[DeclarationView], waits: DeclarationView | None
) -> list[tuple[str, str]]:
    if waits is not None and waits.state is RestoreState.AGREED:
        says = (
            f"Give the operator the reference {waits.reference}. She runs:\n"
            f"gateway ledger begin-epoch {waits.reference}\n"
            "Then she restarts the gateway, and each witness is asked to trust the new key. They may ask you first."
        )
    elif waits is not None:
        says = f"The second officer signs in, sees the same, and agrees or refuses. {_BACK}"
    elif stopped.found is None and declared and declared[0].state is RestoreState.CARRIED_OUT:
        says = (
            "The log began anew, and this page doesn't know it yet: ask the operator to restart the gateway."
        )
    else:
        says = (
            "If a backup was restored, one officer declares it and a second agrees, each signed in after the log was "
            "stopped.\n"
            "If none was, somebody has rewritten the log: call the witnesses, and have the database kept as it is."
        )
    return [("What happens next", says)]


def _acts(waits: DeclarationView | None) -> list[Act]:
    if waits is None:
        return [Act("Declare that a backup was restored", url_for(".declare_restore"))]
    place: dict[str, Any] = {"declaration_id": waits.declaration_id}
    ways = {
        "agree": Act("Agree, as the second officer", url_for(".agree_to_restore", **place)),
        "refuse": Act("Refuse it, or take it back", url_for(".refuse_restore", **place)),
    }
    return [way for name, way in ways.items() if name in waits.may]


def _declared_before(declared: Sequence[DeclarationView], waits: DeclarationView | None) -> Listing:
    rows: list[list[Cell]] = [
        [
            when(one.declared_at),
            one.declared_by,
            one.agreed_by or one.refused_by,
            "Lapsed" if one.lapsed else _WHERE_IT_STANDS[one.state],
        ]
        for one in declared
        if one is not waits
    ]
    return Listing(
        "Restores declared before",
        ("Declared", "By", "Answered by", "What became of it"),
        rows,
        empty="None was declared before.",
    )
