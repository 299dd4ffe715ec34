"""The core, the packs and the agency overlays, loaded together into one immutable policy with a version.

The core owns stages A to D. A pack adds denies anywhere, referrals from E on and permits in H; an agency
overlay adds denies, and referrals from E on. So nothing that is added can weaken the core.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.policy.attributes import ATTRIBUTES
from gateway.policy.engine import Engine
from gateway.policy.rule_tables import parse_rule, yes_or_no
from gateway.policy.rules import PolicyError, Rule, RuleTest
from gateway.vocabulary import Effect, Outcome, Role, Stage, policies_dir

_HEADER_KEYS = frozenset(
    [
        "id",
        "kind",
        "title",
        "owner",
        "jurisdiction",
        "effective_from",
        "review_by",
        "arrangements",
        "enabled",
        "needs",
        "standing",
        "about",
        "agency",
    ]
)
_LATE = frozenset({Stage.E, Stage.F, Stage.G, Stage.H})
_ENGINES_KEPT = 32
_PACKS_KEPT = 64


@dataclass(frozen=True)
class Pack:
    """One file of rules. ``kind`` is core, pack or overlay; ``needs`` are the local settings it waits for.

    ``standing`` says which kinds of body stand how in the arrangement by law or protocol; ``examples`` are
    the cases its tests start from. ``agency`` limits an overlay to holders of that agency.
    """

    id: str
    kind: str
    title: str
    owner: str
    jurisdiction: frozenset[str]
    effective_from: date
    review_by: date
    arrangements: frozenset[str]
    enabled: bool
    needs: tuple[str, ...]
    standing: Mapping[str, frozenset[str]]
    about: str
    agency: str | None
    examples: Mapping[str, Mapping[str, Any]]
    rules: tuple[Rule, ...]

    @property
    def acts(self) -> bool:
        """Whether its rules decide: the core and the overlays always do, a pack once it is switched on."""
        return self.enabled or self.kind != "pack"

    def covers(self, arrangement: str, jurisdiction: str) -> bool:
        """Whether it is this pack that has the rules for that arrangement there."""
        return arrangement in self.arrangements and jurisdiction in self.jurisdiction

    def canonical(self) -> dict[str, Any]:
        """Plain values for the policy's canonical form."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "owner": self.owner,
            "jurisdiction": sorted(self.jurisdiction),
            "effective_from": self.effective_from.isoformat(),
            "review_by": self.review_by.isoformat(),
            "arrangements": sorted(self.arrangements),
            "enabled": self.enabled,
            "agency": self.agency,
            "needs": list(self.needs),
            "standing": {duty: sorted(bodies) for duty, bodies in sorted(self.standing.items())},
            "rules": [rule.canonical() for rule in self.rules],
        }


@dataclass(frozen=True)
class Policy:
    """A whole policy: core, packs and overlays. Immutable; another version is another object.

    ``version`` is the SHA-256 of the canonical form, in hex.
    """

    packs: tuple[Pack, ...]
    version: str
    _engines: dict[tuple[date, str | None], Engine] = field(default_factory=dict, compare=False, repr=False)

    def __hash__(self) -> int:
        return hash(self.version)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, of disabled packs as well."""
        return tuple(rule for pack in self.packs for rule in pack.rules)

    def rule(self, rule_id: str) -> Rule | None:
        """The rule with that id, or None."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def engine(self, day: date, agency: str | None = None) -> Engine:
        """The rules in force on that local day; a pack that is disabled or overdue is a referral instead.

        ``agency`` is the holder's id: its own overlay applies to what it holds, and to nothing else.
        """
        overlaid = agency if any(pack.agency == agency for pack in self.packs if pack.agency) else None
        found = self._engines.get((day, overlaid))
        if found is None:
            packs = [pack for pack in self.packs if pack.agency in (None, overlaid)]
            found = Engine(tuple(in_force(packs, day)))
            if len(self._engines) >= _ENGINES_KEPT:
                self._engines.clear()
            self._engines[day, overlaid] = found
        return found

    def canonical(self) -> bytes:
        """The canonical form: JSON, sorted keys, no spaces, UTF-8. What is hashed and signed."""
        return canonical_form(self.packs)

    def standing(self, arrangement: str, jurisdiction: str, body: str) -> str | None:
        """How that kind of body stands in that arrangement by law or protocol, or None when it has no place in it."""
        for pack in self.packs:
            if pack.covers(arrangement, jurisdiction):
                for duty, bodies in pack.standing.items():
                    if body in bodies:
                        return duty
        return None

    def enabled(self, ids: Iterable[str] | None = None) -> Policy:
        """The same rules with those packs enabled (all of them when ``ids`` is None), as a new version."""
        wanted = None if ids is None else frozenset(ids)
        return policy_of([_switched(pack, wanted is None or pack.id in wanted) for pack in self.packs])


def canonical_form(packs: Sequence[Pack]) -> bytes:
    """Canonical JSON of packs in order."""
    content = {"packs": [pack.canonical() for pack in packs]}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def policy_of(packs: Sequence[Pack]) -> Policy:
    """Put packs together. Raises PolicyError when ids clash, there is no core, or a lift names no rule."""
    if [pack.kind for pack in packs].count("core") != 1:
        raise PolicyError("policy", "there is exactly one core")
    rules = [rule for pack in packs for rule in pack.rules]
    by_id = {rule.id: rule for rule in rules}
    if len(by_id) != len(rules):
        twice = Counter(rule.id for rule in rules).most_common(1)[0][0]
        raise PolicyError("policy", f"two rules are called {twice!r}")
    if len({pack.id for pack in packs}) != len(packs):
        raise PolicyError("policy", "two packs have the same id")
    for rule in rules:
        for lifted in rule.may_lift:
            if lifted not in by_id or not by_id[lifted].liftable:
                where = f"{rule.pack}: rule {rule.id!r}"
                raise PolicyError(where, f"may_lift names {lifted!r}, which cannot be lifted")
    return Policy(tuple(packs), hashlib.sha256(canonical_form(packs)).hexdigest())


def load_policy(folder: Path | None = None) -> Policy:
    """Read the core and the packs of a folder (the shipped one by default). Raises PolicyError or OSError."""
    root = folder or policies_dir()
    files = [root / "core.toml", *sorted((root / "packs").glob("*.toml"))]
    return policy_of([parse_pack(file.read_text(encoding="utf-8"), file.name) for file in files])


@lru_cache(maxsize=_PACKS_KEPT)
def parse_pack(text: str, where: str = "pack") -> Pack:
    """Read one file of rules, kept by its text. Raises PolicyError naming what is wrong."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise PolicyError(where, f"not readable as TOML: {problem}") from None
    strange = set(raw) - {"pack", "example", "rule"}
    if strange:
        raise PolicyError(where, f"unknown table {min(strange)!r}")
    return _pack(raw, where)


def _pack(raw: Mapping[str, Any], where: str) -> Pack:
    header = raw.get("pack")
    if not isinstance(header, dict):
        raise PolicyError(where, "the [pack] table is missing")
    strange = set(header) - _HEADER_KEYS
    if strange:
        raise PolicyError(where, f"unknown key {min(strange)!r} in [pack]")
    try:
        pack = _read_header(header, raw, where)
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        if isinstance(problem, PolicyError):
            raise
        raise PolicyError(where, f"[pack] is incomplete or of the wrong kind: {problem}") from None
    for rule in pack.rules:
        _check_place(rule, pack, where)
    return pack


def _read_header(header: Mapping[str, Any], raw: Mapping[str, Any], where: str) -> Pack:
    kind = header["kind"]
    if kind not in ("core", "pack", "overlay"):
        raise PolicyError(where, "kind is core, pack or overlay")
    pack_id = header["id"]
    if (kind == "core") != (pack_id == "core"):
        raise PolicyError(where, "the core, and only the core, is called core")
    arrangements = _known("arrangement", header.get("arrangements", []), where)
    if kind == "pack" and not arrangements:
        raise PolicyError(where, "a pack names its arrangements")
    defaults = {key: header[key] for key in ("owner", "jurisdiction", "effective_from", "review_by")}
    examples = MappingProxyType(
        {name: _example(facts, where) for name, facts in raw.get("example", {}).items()}
    )
    rules = tuple(
        bounded(parse_rule(table, pack_id, defaults), arrangements, where) for table in raw.get("rule", [])
    )
    for rule in rules:
        _check_tests(rule, examples, where)
    return Pack(
        id=pack_id,
        kind=kind,
        title=header["title"],
        owner=header["owner"],
        jurisdiction=_known("jurisdiction", header["jurisdiction"], where),
        effective_from=_date(header["effective_from"], where),
        review_by=_date(header["review_by"], where),
        arrangements=arrangements,
        enabled=yes_or_no(header.get("enabled", kind == "core"), where, "enabled"),
        needs=tuple(header.get("needs", ())),
        standing=MappingProxyType(
            {
                duty: _known("requester_type", bodies, where)
                for duty, bodies in header.get("standing", {}).items()
            }
        ),
        about=header.get("about", ""),
        agency=_agency(header, kind, where),
        examples=examples,
        rules=rules,
    )


def _agency(header: Mapping[str, Any], kind: str, where: str) -> str | None:
    agency = header.get("agency")
    if (kind == "overlay") != isinstance(agency, str):
        raise PolicyError(where, "an overlay, and only an overlay, names the agency whose holdings it covers")
    return agency


def _known(attribute: str, values: Any, where: str) -> frozenset[str]:
    strange = [value for value in values if value not in ATTRIBUTES[attribute].values]
    if strange:
        raise PolicyError(where, f"{attribute} has no value {strange[0]!r}")
    return frozenset(values)


def _date(value: Any, where: str) -> date:
    if type(value) is not date:
        raise PolicyError(where, "dates of the pack are dates such as 2027-01-31")
    return value


def _example(facts: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(facts, dict):
        raise PolicyError(where, "an example is a table of facts")
    check_given(facts, where)
    return MappingProxyType(dict(facts))


def check_given(facts: Mapping[str, Any], where: str) -> None:
    """Refuse facts of an example or test that the vocabulary does not know. Raises PolicyError."""
    for name, value in facts.items():
        attribute = ATTRIBUTES.get(name)
        if attribute is None and name != "circumstance_unknown":
            raise PolicyError(where, f"no attribute is called {name!r}")
        allowed = ATTRIBUTES["circumstance"].values if attribute is None else (*attribute.values, "unknown")
        for item in value if isinstance(value, list) else [value]:
            if item not in allowed:
                raise PolicyError(where, f"{name} has no value {str(item)[:60]!r}")


def _check_tests(rule: Rule, examples: Mapping[str, Any], where: str) -> None:
    for test in rule.tests:
        if test.on not in examples:
            raise PolicyError(
                where, f"a test of {rule.id!r} starts from {test.on!r}, which is no example of this file"
            )
        check_given(test.given, where)


def bounded(rule: Rule, arrangements: frozenset[str], where: str) -> Rule:
    """Hold a rule inside its jurisdiction and its pack's arrangements: a pack says nothing about other cases.

    Raises PolicyError when the rule names an arrangement that isn't the pack's.
    """
    scalars = dict(rule.scalars)
    everywhere = frozenset(ATTRIBUTES["jurisdiction"].values)
    if rule.jurisdiction != everywhere:
        scalars["jurisdiction"] = scalars.get("jurisdiction", rule.jurisdiction) & rule.jurisdiction
    if arrangements:
        named = scalars.get("arrangement", arrangements)
        if not named <= arrangements:
            raise PolicyError(where, f"rule {rule.id!r} reaches into an arrangement that is not the pack's")
        scalars["arrangement"] = named
    return replace(rule, scalars=MappingProxyType(scalars))


def _check_place(rule: Rule, pack: Pack, where: str) -> None:
    if rule.effect is Effect.OBLIGE or rule.effect is Effect.DENY:
        return
    if rule.effect is Effect.PERMIT and not _may_permit(rule, pack):
        raise PolicyError(
            where, f"{rule.id!r}: permits stand in H or the core's emergency stage, not in overlays"
        )
    if rule.effect is Effect.REFER and pack.kind != "core" and rule.stage not in _LATE:
        raise PolicyError(where, f"{rule.id!r}: only the core refers before stage E")


def _may_permit(rule: Rule, pack: Pack) -> bool:
    if pack.kind == "overlay":
        return False
    return rule.stage is Stage.H or (pack.kind == "core" and rule.stage is Stage.D)


def _switched(pack: Pack, on: bool) -> Pack:
    if pack.kind != "pack" or pack.enabled == on:
        return pack
    return replace(pack, enabled=on)


def in_force(packs: Sequence[Pack], day: date) -> Iterable[Rule]:
    """The rules of these packs that count on a day; a pack that may not decide is a referral instead."""
    for pack in packs:
        if pack.kind == "pack" and not pack.enabled:
            yield _closed(pack, "pack-disabled", "is not enabled here")
        elif day > pack.review_by or day < pack.effective_from:
            yield _closed(pack, "pack-out-of-date", "is past its review date or not yet in force")
            yield from (
                rule for rule in pack.rules if rule.effect is not Effect.PERMIT and rule.in_force(day)
            )
        else:
            yield from (rule for rule in pack.rules if rule.in_force(day))


def _closed(pack: Pack, name: str, why: str) -> Rule:
    """The referral that stands in for a pack that may not decide: it refers, it doesn't open.

    It stands after the core's stages, so that what is closed stays closed and an emergency still goes.
    """
    text = f"The rules for this arrangement ({pack.title}) cannot decide: the pack {why}. A person decides."
    scalars: dict[str, frozenset[str]] = {"jurisdiction": pack.jurisdiction}
    if pack.arrangements:
        scalars["arrangement"] = pack.arrangements
    return Rule(
        id=f"{name}-{pack.id}",
        pack=pack.id,
        title=f"The pack {pack.title} {why}",
        stage=Stage.E,
        effect=Effect.REFER,
        because="A decision rests on rules that are agreed and current: UK GDPR art 5(2)",
        owner=pack.owner,
        jurisdiction=pack.jurisdiction,
        effective_from=date.min,
        effective_to=None,
        review_by=date.max,
        scalars=MappingProxyType(scalars),
        sets=MappingProxyType({}),
        refer_to=(Role.IG_OFFICER.value,),
        may_lift=(),
        liftable=False,
        obligations=(),
        on=frozenset(),
        officer=text,
        requester="The rules for this arrangement are not in force here. An information-governance officer decides.",
        alternative="",
        status="active",
        tests=(RuleTest("", "", MappingProxyType({}), Outcome.REFER, frozenset()),),
    )
