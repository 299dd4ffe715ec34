"""A rule as an English sentence: what it does, when, and by which law; for people who have never seen its source."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.attributes import ATTRIBUTES, YES_NO, Attribute
from gateway.policy.rules import ARRANGEMENT_CHAIR, Rule, SetCondition
from gateway.vocabulary import Effect, Outcome, vocabulary

_LISTED = 12
_OUTCOMES = {
    Outcome.PERMIT: "what is permitted",
    Outcome.REFER: "what is referred",
    Outcome.DENY: "what is refused",
}


def sentence(rule: Rule) -> str:
    """Give the rule in one sentence."""
    when = conditions(rule)
    return f"{_does(rule)} {'when ' + '; and '.join(when) if when else 'always'}."


def conditions(rule: Rule) -> list[str]:
    """Give each condition of the rule as a clause; all of them must hold."""
    clauses = [_scalar(ATTRIBUTES[name], allowed) for name, allowed in sorted(rule.scalars.items())]
    for name, condition in sorted(rule.sets.items()):
        clauses += _set(ATTRIBUTES[name], condition)
    return clauses


def _does(rule: Rule) -> str:
    words = vocabulary()
    duties = _either((words.label("obligation", code) for code in rule.obligations), "and")
    if rule.effect is Effect.OBLIGE:
        on = " or ".join(_OUTCOMES[outcome] for outcome in sorted(rule.on))
        return f"Attaches to {on}: {duties},"
    if rule.effect is Effect.REFER:
        said = f"Refers to {_either((_role(role) for role in rule.refer_to), 'or')}"
    else:
        said = "Permits" if rule.effect is Effect.PERMIT else "Refuses"
    return f"{said}, with: {duties}," if duties else said


def _role(code: str) -> str:
    return "Chair of the arrangement" if code == ARRANGEMENT_CHAIR else vocabulary().label("role", code)


def _scalar(attribute: Attribute, allowed: frozenset[str]) -> str:
    name = attribute.label[0].lower() + attribute.label[1:]
    if attribute.values == YES_NO and len(allowed) == 1:
        fact = name.removeprefix("whether ")
        return fact if YES_NO[0] in allowed else f"it isn't so that {fact}"
    left_out = [value for value in attribute.values if value not in allowed]
    if len(left_out) < len(allowed) and left_out:
        return f"{name} is not {_either((attribute.value_label(value) for value in left_out), 'or')}"
    chosen = [value for value in attribute.values if value in allowed]
    return f"{name} is {_either((attribute.value_label(value) for value in chosen), 'or')}"


def _set(attribute: Attribute, condition: SetCondition) -> list[str]:
    name = attribute.label[0].lower() + attribute.label[1:]
    clauses = [
        f"{name} include {_either((attribute.value_label(value) for value in sorted(group)), 'or')}"
        for group in condition.groups
    ]
    if condition.none:
        named = _either((attribute.value_label(value) for value in sorted(condition.none)), "or")
        clauses.append(f"{name} do not include {named}")
    return clauses


def _either(labels: Iterable[str], word: str) -> str:
    listed = [f"“{label}”" for label in labels]
    shown, left = listed[:_LISTED], len(listed) - _LISTED
    if left > 0:
        return f"{', '.join(shown)} {word} one of {left} more"
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}" if len(shown) > 1 else "".join(shown)
