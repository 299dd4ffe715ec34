"""The attributes a rule may read: each one finite, so that a rule is a box over known values.

Relations (same agency, age of data, expiry of consent) are worked out before the decision and arrive here
as plain values. A scalar has one value or ``unknown``; a set has members, and members that are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.vocabulary import vocabulary

UNKNOWN = "unknown"
UNKNOWN_CIRCUMSTANCES = "circumstance_unknown"
YES_NO = ("yes", "no")

Value = str | frozenset[str]
Facts = Mapping[str, Value]


@dataclass(frozen=True)
class Attribute:
    """One attribute: ``many`` when it holds a set; ``order`` when at_least and at_most apply (values low to high).

    ``own_unknown``: the word ``unknown`` is one of its ordinary values, which no permit may name.
    """

    name: str
    label: str
    values: tuple[str, ...]
    many: bool = False
    order: tuple[str, ...] = ()
    own_unknown: bool = False
    terms: str | None = None

    def value_label(self, value: str) -> str:
        """The label in words of one of its values."""
        if self.terms is None:
            return value.replace("_", " ")
        return vocabulary().label(self.terms, value)


def _terms(name: str, label: str, table: str, *, many: bool = False) -> Attribute:
    return Attribute(name, label, vocabulary().terms(table), many=many, terms=table)


def _flag(name: str, label: str) -> Attribute:
    return Attribute(name, label, YES_NO)


def _build() -> Mapping[str, Attribute]:
    words = vocabulary()
    risk = tuple(sorted(words.risk_order, key=lambda level: words.risk_order[level]))
    consent = words.terms("consent_status")
    known_risk = tuple(level for level in risk if level != UNKNOWN)
    listed = (
        _terms("jurisdiction", "where the case sits", "jurisdiction"),
        _terms("arrangement", "the arrangement", "arrangement"),
        _terms("requester_type", "the requester's kind of body", "agency_type"),
        _terms("requester_duty", "the requester's standing", "duty"),
        _flag("requester_member", "whether the requester is a member"),
        _flag("requester_walled", "whether a wall excludes the requester"),
        _flag("requester_is_holder", "whether the requester is the holder's own staff"),
        _terms("holder_type", "the holder's kind of body", "agency_type"),
        _terms("recipient_type", "the recipient's kind of body", "agency_type"),
        _terms("recipient_duty", "the recipient's standing", "duty"),
        _flag("recipient_member", "whether the recipient is a member"),
        _terms("recipient_orientation", "whom the recipient works with", "orientation"),
        _flag("recipient_on_case", "whether the recipient is on the case"),
        _flag("recipient_walled", "whether a wall excludes the recipient"),
        _terms("subject_role", "the person's role", "subject_role"),
        _terms("age_band", "the person's age", "age_band"),
        _terms("capacity", "the person's capacity", "capacity"),
        _terms("category", "the kind of information", "category"),
        _terms("sensitivity", "how sensitive it is", "sensitivity"),
        _terms("purpose", "the purpose", "purpose"),
        Attribute("consent", "views or consent", consent, own_unknown=True, terms="consent_status"),
        Attribute("risk", "the assessed risk", risk, order=known_risk, own_unknown=True, terms="risk_level"),
        Attribute("dash", "the DASH score", ("not_scored", "below_10", "from_10_to_13", "visible_high_risk")),
        _flag("onward", "whether it came from another agency"),
        _flag("authorised", "whether a person has authorised it"),
        _terms("power", "the powers named", "power", many=True),
        _terms("together_with", "what is asked for in the same request", "category", many=True),
        _terms("circumstance", "the circumstances", "circumstance", many=True),
    )
    return MappingProxyType({attribute.name: attribute for attribute in listed})


ATTRIBUTES: Mapping[str, Attribute] = _build()
SCALARS: tuple[str, ...] = tuple(name for name, attribute in ATTRIBUTES.items() if not attribute.many)
SETS: tuple[str, ...] = tuple(name for name, attribute in ATTRIBUTES.items() if attribute.many)
_ALLOWED: Mapping[str, frozenset[str]] = MappingProxyType(
    {name: frozenset(attribute.values) | {UNKNOWN} for name, attribute in ATTRIBUTES.items()}
)


_SCALAR_CHECKS = tuple((name, _ALLOWED[name]) for name in SCALARS)
_SET_CHECKS = tuple((name, frozenset(ATTRIBUTES[name].values)) for name in SETS)
_NONE: frozenset[str] = frozenset()


def fault(facts: Facts) -> str | None:
    """Why these facts cannot be decided on (``missing_attribute`` or ``unknown_term``), or None when they can."""
    try:
        for name, allowed in _SCALAR_CHECKS:
            if facts[name] not in allowed:
                return "unknown_term"
        for name, allowed in _SET_CHECKS:
            members = facts[name]
            if members.__class__ is not frozenset or not members <= allowed:
                return "unknown_term"
    except KeyError:
        return "missing_attribute"
    unsure = facts.get(UNKNOWN_CIRCUMSTANCES, _NONE)
    if not isinstance(unsure, frozenset) or not unsure <= _ALLOWED["circumstance"]:
        return "unknown_term"
    return None
