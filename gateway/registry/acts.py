"""How an act becomes an entry: who did it, for which controller, and in what words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.errors import Forbidden, Invalid
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Post
from gateway.store.unit_of_work import Unit

Codes = Mapping[str, str | int | bool | tuple[str, ...]]

SHORTEST_REASON = 10
LONGEST_REASON = 2000


def act(
    unit: Unit,
    actor: Actor,
    kind: EntryKind,
    *,
    controller_agency_id: str | None = None,
    subject_ids: Sequence[str] = (),
    case_id: str | None = None,
    request_id: str | None = None,
    refs: Mapping[str, str] | None = None,
    codes: Codes | None = None,
    words: Mapping[str, str] | None = None,
) -> str:
    """Record what `actor` did and give the entry's id.

    The controller is the actor's own agency unless another is named. Names and posts go into the words as they are
    at this moment (DESIGN 3.6). Raises NotConfirmed when the ledger can't take it.
    """
    return record(
        unit,
        Entry(
            kind=kind,
            partnership_id=actor.partnership_id,
            controller_agency_id=controller_agency_id or actor.agency_id,
            actor_post_id=actor.post_id,
            actor_agency_id=actor.agency_id,
            subject_ids=tuple(subject_ids),
            case_id=case_id,
            request_id=request_id,
            refs=dict(refs or {}),
            codes=dict(codes or {}),
            words={"actor": actor.in_words, **(words or {})},
        ),
    )


def must_govern(actor: Actor, agency_id: str | None = None) -> None:
    """Let an information-governance officer pass: of the partnership, or of the agency named.

    Raises Forbidden for anybody else.
    """
    if actor.face is Face.GOVERNANCE and (actor.governs or agency_id == actor.agency_id):
        return
    raise Forbidden(
        "This is for an information-governance officer of the agency or of the partnership.",
        next_step="Ask the officer named in your agency's register.",
    )


def a_reason(text: str, field: str = "reason") -> str:
    """Give a reason without the blanks around it; raise Invalid when it is too short to mean anything, or too long."""
    reason = text.strip()
    if len(reason) < SHORTEST_REASON:
        raise Invalid("A reason is needed.", fields={field: "Give the reason in a sentence."})
    if len(reason) > LONGEST_REASON:
        raise Invalid("The reason is too long.", fields={field: f"Use {LONGEST_REASON} characters or fewer."})
    return reason


def person_of(unit: Unit, post_id: str | None) -> str | None:
    """Give the person in a post, or None when there is no such post."""
    post = unit.session.get(Post, post_id) if post_id else None
    return post.person_id if post else None


def must_differ(actor: Actor, person_id: str | None) -> None:
    """Raise Forbidden when the actor is that person: who asks, approves and benefits are never the same."""
    # The person counts, not the post: somebody with two posts is still one person.
    if person_id == actor.person_id:
        raise Forbidden(
            "This needs another person: who asks, who approves and who benefits are never the same.",
            next_step="Ask another officer to do it.",
        )
