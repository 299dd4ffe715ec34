"""What a change changes, rule by rule and in words; whether it only takes away; and which bodies it gives something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.policy.attributes import ATTRIBUTES
from gateway.policy.packs import Pack, Policy
from gateway.policy.rules import Rule, SetCondition
from gateway.policy.sentence import conditions, sentence
from gateway.vocabulary import AgencyType, Effect, Stage, vocabulary

_TEXTS = ("title", "because", "owner", "officer", "requester", "alternative")
_FIRST_STAGES = frozenset({Stage.A, Stage.B, Stage.C, Stage.D})
_EVERYWHERE = SetCondition((), frozenset())


@dataclass(frozen=True)
class Change:
    """One difference. `loosens` is False only where it can open nothing that was closed."""

    what: str
    pack_id: str
    rule_id: str | None
    title: str
    says: tuple[str, ...]
    loosens: bool
    gives: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Difference:
    """Everything that differs between two policies."""

    changes: tuple[Change, ...]

    @property
    def tightens_only(self) -> bool:
        """Whether it takes away and gives nothing; a change of nothing does neither."""
        return bool(self.changes) and not any(change.loosens for change in self.changes)

    @property
    def beneficiaries(self) -> frozenset[str]:
        """The kinds of body that could receive more than before."""
        return frozenset(kind for change in self.changes for kind in change.gives)


def difference(old: Policy | None, new: Policy) -> Difference:
    """Compare two policies."""
    before = {pack.id: pack for pack in old.packs} if old else {}
    after = {pack.id: pack for pack in new.packs}
    changes: list[Change] = []
    for pack_id in [*before, *(one for one in after if one not in before)]:
        changes += _of_pack(before.get(pack_id), after.get(pack_id))
    return Difference(tuple(changes))


def _of_pack(old: Pack | None, new: Pack | None) -> Iterable[Change]:
    pack = new or old
    assert pack is not None  # noqa: S101 - an id is in one of the two
    if old is None and new is not None:
        loosens = new.kind != "overlay" and new.enabled
        yield Change("pack added", pack.id, None, pack.title, (_state(new),), loosens)
    elif new is None and old is not None:
        yield Change("pack removed", pack.id, None, pack.title, (), True)
    elif old is not None and new is not None:
        yield from _of_headers(old, new)
    before = {rule.id: rule for rule in old.rules} if old else {}
    after = {rule.id: rule for rule in new.rules} if new else {}
    for rule_id in [*before, *(one for one in after if one not in before)]:
        yield from _of_rule(pack.id, before.get(rule_id), after.get(rule_id))


def _of_headers(old: Pack, new: Pack) -> Iterable[Change]:
    says, loosens = [], False
    if old.enabled != new.enabled:
        says.append(
            "It is switched on." if new.enabled else "It is switched off: what it decided is referred."
        )
        loosens |= new.enabled or any(
            rule.stage in _FIRST_STAGES and not rule.is_permit for rule in old.rules
        )
    if old.review_by != new.review_by:
        says.append(f"Review by {new.review_by.isoformat()} instead of {old.review_by.isoformat()}.")
        loosens |= new.review_by > old.review_by
    others = ("kind", "effective_from", "jurisdiction", "arrangements", "standing", "agency", "needs")
    for name in others:
        if getattr(old, name) != getattr(new, name):
            says.append(f"Its {name.replace('_', ' ')} changed.")
            loosens = True
    if old.title != new.title or old.owner != new.owner:
        says.append(f"It is called “{new.title}” and owned by {new.owner}.")
    if says:
        yield Change("pack changed", new.id, None, new.title, tuple(says), loosens)


def _of_rule(pack_id: str, old: Rule | None, new: Rule | None) -> Iterable[Change]:
    if old is None and new is not None:
        loosens = _opens(new) or bool(new.may_lift)
        yield Change("rule added", pack_id, new.id, new.title, (sentence(new),), loosens, _gives(None, new))
    elif new is None and old is not None:
        loosens = not old.is_permit and old.status == "active"
        yield Change("rule removed", pack_id, old.id, old.title, (sentence(old),), loosens)
    elif old is not None and new is not None and old.canonical() != new.canonical():
        loosens = not tighter(old, new)
        given = _gives(old, new) if loosens else frozenset()
        yield Change("rule changed", pack_id, new.id, new.title, tuple(_words(old, new)), loosens, given)


def _opens(rule: Rule) -> bool:
    return rule.is_permit and rule.status == "active"


def tighter(old: Rule, new: Rule) -> bool:
    """Whether a changed rule can open nothing that was closed. In doubt it does not say so."""
    if old.effect is not new.effect or old.stage is not new.stage:
        return old.is_permit and new.effect is Effect.DENY
    same = (
        frozenset(new.may_lift) <= frozenset(old.may_lift)
        and new.liftable <= old.liftable
        and new.refer_to == old.refer_to
        and frozenset(old.obligations) <= frozenset(new.obligations)
        and old.on <= new.on
    )
    if not same:
        return False
    if new.is_permit:
        return _within(new, old) and _active(new) <= _active(old) and _shorter(new, old)
    return _within(old, new) and _active(old) <= _active(new) and _shorter(old, new)


def _active(rule: Rule) -> bool:
    return rule.status == "active"


def _shorter(one: Rule, other: Rule) -> bool:
    """Whether one is in force at no time when the other isn't."""
    ends = other.effective_to is None or (
        one.effective_to is not None and one.effective_to <= other.effective_to
    )
    return one.effective_from >= other.effective_from and ends


def _within(narrow: Rule, wide: Rule) -> bool:
    """Whether whatever the narrow rule matches the wide one matches too, both read as the same effect."""
    for name, allowed in wide.scalars.items():
        if not narrow.scalars.get(name, frozenset({"", *ATTRIBUTES[name].values})) <= allowed:
            return False
    for name, condition in wide.sets.items():
        other = narrow.sets.get(name, _EVERYWHERE)
        if not condition.none <= other.none:
            return False
        if not all(any(group <= asked for group in other.groups) for asked in condition.groups):
            return False
    return True


def _gives(old: Rule | None, new: Rule) -> frozenset[str]:
    """The kinds of body whose staff could receive under the new rule; all of them where it names none."""
    if not _opens(new):
        return frozenset()
    everybody = frozenset(ATTRIBUTES["recipient_type"].values)
    now = new.scalars.get("recipient_type", everybody)
    if old is None or not _opens(old):
        return now - {AgencyType.GOVERNANCE.value}
    added = now - old.scalars.get("recipient_type", everybody)
    return (added or now) - {AgencyType.GOVERNANCE.value}


def _words(old: Rule, new: Rule) -> Iterable[str]:
    for name in ("effect", "stage"):
        if getattr(old, name) != getattr(new, name):
            yield (
                f"Its {name} is {vocabulary().label(name, getattr(new, name))} "
                f"instead of {vocabulary().label(name, getattr(old, name))}."
            )
    before, after = conditions(old), conditions(new)
    yield from (f"No longer asked: {clause}." for clause in before if clause not in after)
    yield from (f"Now asked: {clause}." for clause in after if clause not in before)
    yield from _listed("obligation", old.obligations, new.obligations)
    yield from _listed("role", old.refer_to, new.refer_to)
    for name in ("effective_from", "effective_to", "review_by", "status"):
        if getattr(old, name) != getattr(new, name):
            yield f"Its {name.replace('_', ' ')} is {_said(getattr(new, name))} instead of {_said(getattr(old, name))}."
    for name in ("liftable", "may_lift", "on"):
        if getattr(old, name) != getattr(new, name):
            yield f"What a person may lift, or what it attaches to, changed ({name.replace('_', ' ')})."
    yield from (
        f"Its {name} reads: {getattr(new, name)}"
        for name in _TEXTS
        if getattr(old, name) != getattr(new, name)
    )


def _listed(table: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterable[str]:
    for code in new:
        if code not in old:
            yield f"It adds “{_term(table, code)}”."
    for code in old:
        if code not in new:
            yield f"It drops “{_term(table, code)}”."


def _term(table: str, code: str) -> str:
    terms: Mapping[str, str] = {"arrangement_chair": "Chair of the arrangement"}
    return terms.get(code) or vocabulary().label(table, code)


def _said(value: date | str | None) -> str:
    return "none" if value is None else str(value)


def _state(pack: Pack) -> str:
    return "It is switched on." if pack.acts else "It isn't switched on."
