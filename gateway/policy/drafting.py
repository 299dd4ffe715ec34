"""Editing the text of a pack: one rule put in, replaced or taken out, the rest left as it was written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.policy.packs import Pack, bounded, parse_pack
from gateway.policy.rule_tables import read_rule
from gateway.policy.rules import PolicyError, Rule

_RULE = re.compile(r"^\[\[rule\]\]\s*$", re.MULTILINE)
_HEADER = re.compile(r"^\[pack\]\s*$.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_ORDER = (
    "id", "title", "stage", "effect", "because", "owner", "jurisdiction", "effective_from", "effective_to", "review_by",
    "refer_to", "may_lift", "liftable", "obligations", "on", "officer", "requester", "alternative", "status",
)  # fmt: skip


def rule_table(text: str, rule_id: str) -> dict[str, Any] | None:
    """One rule of a pack's text as its table, or None."""
    for table in tomllib.loads(text).get("rule", []):
        if table.get("id") == rule_id:
            return dict(table)
    return None


def put_rule(text: str, table: Mapping[str, Any]) -> str:
    """The text with this rule in place of the one of its id, or at the end. Raises PolicyError when it isn't sound."""
    block = written(table)
    start_end = _block(text, str(table["id"]))
    if start_end is None:
        changed = f"{text.rstrip()}\n\n{block}"
    else:
        start, end = start_end
        rest = text[end:]
        changed = f"{text[:start]}{block}{chr(10) + rest if rest else ''}"
    parse_pack(changed, "the draft")
    return changed


def drop_rule(text: str, rule_id: str) -> str:
    """The text without that rule. Raises PolicyError when there is none."""
    start_end = _block(text, rule_id)
    if start_end is None:
        raise PolicyError("the draft", f"no rule is called {rule_id!r}")
    return text[: start_end[0]] + text[start_end[1] :]


def put_header(text: str, changes: Mapping[str, Any]) -> str:
    """The text with these entries of its [pack] table changed. Raises PolicyError when it isn't sound then."""
    found = _HEADER.search(text)
    try:
        header = tomllib.loads(found[0])["pack"] if found else None
    except tomllib.TOMLDecodeError:
        header = None
    if found is None or header is None:
        raise PolicyError("the draft", "its beginning can't be changed here; put the pack in as TOML instead")
    changed = f"{text[: found.start()]}{_table('pack', {**header, **changes})}\n{text[found.end() :]}"
    parse_pack(changed, "the draft")
    return changed


def begun(header: Mapping[str, Any], cases: Mapping[str, Mapping[str, Any]]) -> str:
    """A file without rules yet, with the cases that its examples start from. Raises PolicyError when it isn't sound."""
    tables = [_table("pack", header), *(_table(f"example.{name}", facts) for name, facts in cases.items())]
    text = "\n".join(tables)
    parse_pack(text, "the draft")
    return text


def outline(table: Mapping[str, Any], pack: Pack) -> Rule:
    """A rule that is still being written, as far as it goes: for reading alone, and never part of a policy.

    What is missing is filled in with what says nothing. Raises PolicyError on what can't be read at all.
    """
    filler = {"title": "-", "because": "-", "officer": "-", "requester": "-", "id": "being-written"}
    defaults = {
        "owner": pack.owner,
        "jurisdiction": sorted(pack.jurisdiction),
        "effective_from": pack.effective_from,
        "review_by": pack.review_by,
    }
    return bounded(
        read_rule({**filler, **table, "test": []}, pack.id, defaults), pack.arrangements, "the draft"
    )


def written(table: Mapping[str, Any]) -> str:
    """A rule as TOML."""
    lines = ["[[rule]]"]
    lines += [f"{key} = {_value(table[key])}" for key in _ORDER if key in table]
    lines += ["[rule.when]", *(f"{name} = {_value(value)}" for name, value in table.get("when", {}).items())]
    for test in table.get("test", []):
        lines += ["[[rule.test]]", *(f"{key} = {_value(value)}" for key, value in test.items())]
    return "\n".join(lines) + "\n"


def _table(name: str, entries: Mapping[str, Any]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in entries.items())]) + "\n"


def _block(text: str, rule_id: str) -> tuple[int, int] | None:
    starts = [found.start() for found in _RULE.finditer(text)]
    for position, start in enumerate(starts):
        end = starts[position + 1] if position + 1 < len(starts) else len(text)
        if tomllib.loads(text[start:end])["rule"][0].get("id") == rule_id:
            return start, end
    return None


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple | frozenset | set):
        listed = sorted(value) if isinstance(value, frozenset | set) else value
        return "[" + ", ".join(_value(one) for one in listed) + "]"
    return str(value)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    plain = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in escaped)
    return f'"{plain}"'


def case_for(when: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """What an example needs so that it meets these conditions, given as lists and any, all and none."""
    given: dict[str, Any] = {}
    for name, condition in when.items():
        if isinstance(condition, Mapping):
            given[name] = _members(condition, example.get(name, []))
        elif example.get(name) not in condition:
            given[name] = condition[0]
    return given


def _members(condition: Mapping[str, Any], present: Any) -> list[str]:
    barred = frozenset(condition.get("none", ()))
    kept = [one for one in present if one not in barred]
    kept += [one for one in condition.get("all", ()) if one not in kept]
    either = condition.get("any", ())
    if either and not frozenset(either) & frozenset(kept):
        kept.append(either[0])
    return kept
