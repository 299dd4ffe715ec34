"""Reading a rule from its table in a pack: every key known, every word of the vocabulary, nothing left open.

Conditions are lists of vocabulary values, ``except`` lists, and at_least / at_most on ordered values; for sets,
``all``, ``any`` and ``none``. There are no expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, TypeVar

from gateway.policy.attributes import ATTRIBUTES, UNKNOWN, Attribute
from gateway.policy.rules import ARRANGEMENT_CHAIR, PolicyError, Rule, RuleTest, SetCondition
from gateway.vocabulary import Effect, Obligation, Outcome, Role, Stage, vocabulary

T = TypeVar("T")
_TEXT_LIMIT = 600
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_REQUIRED = (
    "id",
    "title",
    "stage",
    "effect",
    "because",
    "owner",
    "jurisdiction",
    "effective_from",
    "review_by",
)
_RULE_KEYS = frozenset(
    [
        *_REQUIRED,
        "effective_to",
        "refer_to",
        "may_lift",
        "liftable",
        "obligations",
        "on",
        "officer",
        "requester",
        "alternative",
        "status",
        "when",
        "test",
    ]
)


def parse_rule(table: Mapping[str, Any], pack: str, defaults: Mapping[str, Any]) -> Rule:
    """Read one ``[[rule]]`` table; ``defaults`` come from the pack's header. Raises PolicyError."""
    rule, where = read_rule(table, pack, defaults), _where(table, pack)
    if not rule.scalars and not rule.sets:
        raise PolicyError(where, "when holds at least one condition")
    _check_shape(rule, where)
    return rule


def read_rule(table: Mapping[str, Any], pack: str, defaults: Mapping[str, Any]) -> Rule:
    """Read a rule's parts without asking whether it is whole: for one that is still being written."""
    where = _where(table, pack)
    merged = {**defaults, **table}
    _check_keys(table, merged, where)
    rule_id = _identifier(merged["id"], where)
    stage = _one(Stage, merged["stage"], where, "stage")
    effect = _one(Effect, merged["effect"], where, "effect")
    scalars, sets = _conditions(merged.get("when", {}), effect, where)
    return Rule(
        id=rule_id,
        pack=pack,
        title=_text(merged, "title", where),
        stage=stage,
        effect=effect,
        because=_text(merged, "because", where),
        owner=_text(merged, "owner", where),
        jurisdiction=_jurisdictions(merged["jurisdiction"], where),
        effective_from=_day(merged["effective_from"], where, "effective_from"),
        effective_to=_optional_day(merged.get("effective_to"), where),
        review_by=_day(merged["review_by"], where, "review_by"),
        scalars=scalars,
        sets=sets,
        refer_to=tuple(
            _role(code, where) for code in _strings(merged.get("refer_to", []), where, "refer_to")
        ),
        may_lift=tuple(_strings(merged.get("may_lift", []), where, "may_lift")),
        liftable=yes_or_no(merged.get("liftable", effect is Effect.REFER), where, "liftable"),
        obligations=_obligations(merged.get("obligations", []), where),
        on=frozenset(
            _one(Outcome, value, where, "on") for value in _strings(merged.get("on", []), where, "on")
        ),
        officer=_text(merged, "officer", where, optional=True),
        requester=_text(merged, "requester", where, optional=True),
        alternative=_text(merged, "alternative", where, optional=True),
        status=merged.get("status", "active"),
        tests=_tests(merged.get("test", []), where),
    )


def _where(table: Mapping[str, Any], pack: str) -> str:
    return f"{pack}: rule {table.get('id', '(no id)')!r}"


def _check_keys(table: Mapping[str, Any], merged: Mapping[str, Any], where: str) -> None:
    strange = set(table) - _RULE_KEYS
    if strange:
        raise PolicyError(where, f"unknown key {min(strange)!r}")
    for key in _REQUIRED:
        if key not in merged:
            raise PolicyError(where, f"{key} is missing")


def _check_shape(rule: Rule, where: str) -> None:
    if rule.status not in ("active", "trial"):
        raise PolicyError(where, "status is active or trial")
    if (rule.effect is Effect.REFER) != bool(rule.refer_to):
        raise PolicyError(where, "refer_to names who decides for a referral, and only for a referral")
    if (rule.effect is Effect.OBLIGE) != bool(rule.on):
        raise PolicyError(where, "on names the outcomes of an oblige rule, and only of one")
    if rule.effect is Effect.OBLIGE and not rule.obligations:
        raise PolicyError(where, "an oblige rule names at least one obligation")
    if rule.effect is not Effect.OBLIGE and not rule.officer:
        raise PolicyError(where, "officer says in words why")
    if rule.effect in (Effect.DENY, Effect.REFER) and not rule.requester:
        raise PolicyError(where, "requester says in words what the requester may know")
    if rule.is_permit and not rule.sets.get("power", SetCondition((), frozenset())).groups:
        raise PolicyError(where, "a permit names the powers it rests on")
    if not rule.tests:
        raise PolicyError(where, "a rule without a test does not load")
    if rule.effective_to is not None and rule.effective_to < rule.effective_from:
        raise PolicyError(where, "effective_to is before effective_from")


def _conditions(
    when: Any, effect: Effect, where: str
) -> tuple[Mapping[str, frozenset[str]], Mapping[str, SetCondition]]:
    if not isinstance(when, Mapping):
        raise PolicyError(where, "when holds at least one condition")
    scalars: dict[str, frozenset[str]] = {}
    sets: dict[str, SetCondition] = {}
    for name, condition in when.items():
        attribute = ATTRIBUTES.get(name)
        if attribute is None:
            raise PolicyError(where, f"no attribute is called {name!r}")
        if attribute.many:
            sets[name] = _set_condition(attribute, condition, where)
        else:
            scalars[name] = _scalar_condition(attribute, condition, effect, where)
    return MappingProxyType(scalars), MappingProxyType(sets)


def _scalar_condition(attribute: Attribute, condition: Any, effect: Effect, where: str) -> frozenset[str]:
    if isinstance(condition, list):
        chosen = frozenset(_values(attribute, condition, where))
    elif isinstance(condition, Mapping) and set(condition) == {"except"}:
        chosen = frozenset(attribute.values) - frozenset(_values(attribute, condition["except"], where))
        if effect is Effect.PERMIT:
            chosen -= {UNKNOWN}
    elif isinstance(condition, Mapping) and condition and set(condition) <= {"at_least", "at_most"}:
        chosen = _range(attribute, condition, effect, where)
    else:
        raise PolicyError(where, f"{attribute.name} takes a list, except, at_least or at_most")
    if not chosen:
        raise PolicyError(where, f"{attribute.name} accepts nothing, so the rule could never apply")
    if effect is Effect.PERMIT and UNKNOWN in chosen:
        raise PolicyError(where, f"a permit may not rest on an unknown {attribute.name}")
    return chosen


def _range(attribute: Attribute, condition: Mapping[str, Any], effect: Effect, where: str) -> frozenset[str]:
    if not attribute.order:
        raise PolicyError(where, f"{attribute.name} has no order for at_least and at_most")
    low = _values(attribute, [condition.get("at_least", attribute.order[0])], where)[0]
    high = _values(attribute, [condition.get("at_most", attribute.order[-1])], where)[0]
    if low not in attribute.order or high not in attribute.order:
        raise PolicyError(where, f"{attribute.name}: an unknown value has no place in the order")
    chosen = attribute.order[attribute.order.index(low) : attribute.order.index(high) + 1]
    # A stop also covers what is not known; a permit never does.
    return frozenset(chosen) if effect is Effect.PERMIT else frozenset(chosen) | {UNKNOWN}


def _set_condition(attribute: Attribute, condition: Any, where: str) -> SetCondition:
    if isinstance(condition, list):
        condition = {"any": condition}
    if not isinstance(condition, Mapping) or not condition or not set(condition) <= {"all", "any", "none"}:
        raise PolicyError(where, f"{attribute.name} takes a list, or all, any and none")
    groups = [frozenset([value]) for value in _values(attribute, condition.get("all", []), where)]
    if "any" in condition:
        one_of = _values(attribute, condition["any"], where)
        if not one_of:
            raise PolicyError(where, f"{attribute.name}: any of nothing never applies")
        groups.append(frozenset(one_of))
    none = frozenset(_values(attribute, condition.get("none", []), where))
    if any(group <= none for group in groups):
        raise PolicyError(
            where, f"{attribute.name} is both needed and ruled out, so the rule could never apply"
        )
    return SetCondition(tuple(groups), none)


def _values(attribute: Attribute, listed: Any, where: str) -> list[str]:
    values = _strings(listed, where, attribute.name)
    for value in values:
        if value not in attribute.values:
            raise PolicyError(where, f"{attribute.name} has no value {value[:60]!r}")
    if len(set(values)) != len(values):
        raise PolicyError(where, f"{attribute.name} lists a value twice")
    return values


def _strings(listed: Any, where: str, name: str) -> list[str]:
    if not isinstance(listed, list) or not all(isinstance(value, str) for value in listed):
        raise PolicyError(where, f"{name} is a list of words")
    return listed


def _text(table: Mapping[str, Any], key: str, where: str, *, optional: bool = False) -> str:
    value = table.get(key, "" if optional else None)
    if not isinstance(value, str) or (not value.strip() and not optional):
        raise PolicyError(where, f"{key} is text")
    if len(value) > _TEXT_LIMIT:
        raise PolicyError(where, f"{key} is longer than {_TEXT_LIMIT} characters")
    if any(not character.isprintable() for character in value):
        raise PolicyError(where, f"{key} holds a character that cannot be shown")
    return value


def yes_or_no(value: Any, where: str, name: str) -> bool:
    """Read true or false and nothing that is taken for either: any text at all would count as yes.

    Raises:
        PolicyError: it is neither.
    """
    if not isinstance(value, bool):
        raise PolicyError(where, f"{name} is true or false")
    return value


def _identifier(value: Any, where: str) -> str:
    if not isinstance(value, str) or not 3 <= len(value) <= 80 or not set(value) <= _ID_CHARACTERS:
        raise PolicyError(where, "id is 3 to 80 small letters, digits and hyphens")
    return value


def _one(kind: Callable[[Any], T], value: Any, where: str, name: str) -> T:
    try:
        return kind(value)
    except ValueError:
        raise PolicyError(where, f"{name} has no value {str(value)[:60]!r}") from None


def _jurisdictions(value: Any, where: str) -> frozenset[str]:
    return frozenset(_values(ATTRIBUTES["jurisdiction"], value, where))


def _day(value: Any, where: str, name: str) -> date:
    if type(value) is not date:
        raise PolicyError(where, f"{name} is a date such as 2027-01-31")
    return value


def _optional_day(value: Any, where: str) -> date | None:
    return None if value is None else _day(value, where, "effective_to")


def _role(code: str, where: str) -> str:
    if code == ARRANGEMENT_CHAIR:
        return code
    role = _one(Role, code, where, "refer_to")
    if not vocabulary().roles[role].authorises:
        raise PolicyError(where, f"{code} is not a role that may authorise")
    return role.value


def _obligations(listed: Any, where: str) -> tuple[Obligation, ...]:
    return tuple(
        _one(Obligation, code, where, "obligations") for code in _strings(listed, where, "obligations")
    )


def _tests(listed: Any, where: str) -> tuple[RuleTest, ...]:
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise PolicyError(where, "test is a list of tables")
    return tuple(_test(entry, where) for entry in listed)


def _test(entry: Mapping[str, Any], where: str) -> RuleTest:
    if not set(entry) <= {"name", "on", "given", "expect", "obligations"} or not {"on", "expect"} <= set(
        entry
    ):
        raise PolicyError(where, "a test has on, given, expect and perhaps name and obligations")
    given = entry.get("given", {})
    if not isinstance(given, Mapping):
        raise PolicyError(where, "given is a table of facts")
    return RuleTest(
        str(entry.get("name", "")),
        str(entry["on"]),
        MappingProxyType(dict(given)),
        _one(Outcome, entry["expect"], where, "expect"),
        frozenset(_obligations(entry.get("obligations", []), where)),
    )
