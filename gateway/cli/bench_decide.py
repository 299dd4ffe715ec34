"""`gateway bench decide`: the decision beside three peers, on the same logical rules in one run, against an oracle.

Rules are conjunctions over ten attributes with finite values, deny overrides, nothing matched is a denial. Answers of
every engine are compared with a loop in plain Python; a wrong answer stops the run. Times are process CPU per decision.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from gateway.errors import Misconfigured
from gateway.policy.attributes import ATTRIBUTES, Facts
from gateway.policy.engine import Engine
from gateway.policy.examples import ORDINARY, facts_of
from gateway.policy.explain import missing_in_words, near_permits
from gateway.policy.rule_tables import parse_rule
from gateway.policy.rules import Rule

SIZES = (10, 100, 1_000, 10_000)
ENGINES = ("gateway", "casbin-eval", "cedarpy", "vakt")
READ = (
    "jurisdiction",
    "arrangement",
    "requester_type",
    "recipient_type",
    "recipient_duty",
    "recipient_orientation",
    "subject_role",
    "category",
    "purpose",
    "consent",
)
_SEED = 20_261_122
_WARM = 3
_MOST_REQUESTS = 2_000
_FEWEST = 5
_CASBIN = """
[request_definition]
r = q
[policy_definition]
p = rule, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = eval(p.rule)
"""
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One engine at one number of rules; microseconds of CPU per decision."""

    engine: str
    rules: int
    p50_us: float
    p99_us: float
    decisions: int


@dataclass(frozen=True)
class Explaining:
    """What a full explanation takes at one number of rules; microseconds of CPU."""

    rules: int
    p50_us: float
    p99_us: float


class _Chance:
    """The same numbers on every machine and in every run, from a counter and a hash."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to below the limit."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._seed}/{self._drawn}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def choice(self, values: Sequence[T]) -> T:
        """One of these."""
        return values[self.below(len(values))]

    def sample(self, values: Sequence[T], count: int) -> list[T]:
        """That many different ones."""
        left = list(values)
        return [left.pop(self.below(len(left))) for _ in range(count)]


class _Question:
    """What casbin's rules read: attributes with plain values."""

    def __init__(self, facts: Facts) -> None:
        self.__dict__.update({name: facts[name] for name in READ})


def run(*, sizes: Sequence[int] = SIZES, seconds: float = 2.0, as_json: bool = False) -> None:
    """Measure every engine at every size for about `seconds` each, and print the table or JSON.

    Raises:
        Misconfigured: the peers aren't installed (they are in the group `bench`), or an engine answered wrongly.
    """
    rows = measure(sizes, seconds)
    explained = [Explaining(size, *explaining(size)) for size in sizes]
    if as_json:
        found = {"rows": [asdict(row) for row in rows], "explained": [asdict(one) for one in explained]}
        Console(soft_wrap=True, highlight=False).print(json.dumps(found), markup=False)
        return
    _show(rows)
    for one in explained:
        Console().print(
            f"explained in full at {one.rules:,} rules: p50 {one.p50_us} us, p99 {one.p99_us} us",
            markup=False,
        )


def measure(
    sizes: Sequence[int] = SIZES, seconds: float = 2.0, engines: Sequence[str] = ENGINES
) -> list[Row]:
    """Measure; gives one row per engine and size. Raises as `run` does."""
    rows = []
    for size in sizes:
        rules = make_rules(size)
        requests = make_requests(rules, _MOST_REQUESTS)
        rows += [_measure(name, rules, requests, seconds) for name in engines]
    return rows


def make_rules(count: int) -> list[Rule]:
    """Rules from a fixed seed: 3 to 7 conditions each, one in ten denies."""
    chance = _Chance(_SEED + count)
    return [_rule(chance, number) for number in range(count)]


def make_requests(rules: Sequence[Rule], count: int) -> list[Facts]:
    """Requests from a fixed seed, half of them made so that a rule matches."""
    chance = _Chance(_SEED)
    found = []
    for number in range(count):
        given: dict[str, Any] = {name: chance.choice(_values(name)) for name in READ}
        if number % 2:
            aimed = chance.choice(rules)
            given |= {name: chance.choice(sorted(allowed)) for name, allowed in aimed.scalars.items()}
        found.append(facts_of({**ORDINARY, **given, "power": ["cda1998_s115"]}))
    return found


def oracle(rules: Sequence[Rule], facts: Facts) -> bool:
    """The answer, by looking at every rule."""
    met = [rule for rule in rules if all(facts[name] in allowed for name, allowed in rule.scalars.items())]
    return bool(met) and all(rule.is_permit for rule in met)


def _measure(name: str, rules: Sequence[Rule], requests: Sequence[Facts], seconds: float) -> Row:
    prepare, ask = _BUILDERS[name](rules)
    questions = [prepare(facts) for facts in requests]
    wrong = [
        facts
        for facts, question in zip(requests[: _checked(name, len(rules))], questions, strict=False)
        if ask(question) is not oracle(rules, facts)
    ]
    if wrong:
        raise Misconfigured(
            f"{name} answered {len(wrong)} requests wrongly.", next_step="Mend its translation."
        )
    for question in questions[:_WARM]:
        ask(question)
    gc.collect()
    times: list[int] = []
    ends = time.perf_counter() + seconds
    while (time.perf_counter() < ends or len(times) < _FEWEST) and len(times) < 50_000:
        question = questions[len(times) % len(questions)]
        begun = time.process_time_ns()
        ask(question)
        times.append(time.process_time_ns() - begun)
    times.sort()
    return Row(name, len(rules), _at(times, 0.5), _at(times, 0.99), len(times))


def _checked(name: str, rules: int) -> int:
    """How many answers are compared: all where an engine is quick, a few where one takes a second."""
    slow = {"casbin-eval": 20_000, "cedarpy": 200_000, "vakt": 400_000}
    return max(4, min(_MOST_REQUESTS // 4, slow.get(name, 2_000_000) // rules))


def _at(times: Sequence[int], share: float) -> float:
    return round(times[min(len(times) - 1, int(len(times) * share))] / 1_000, 1)


def _values(name: str) -> list[str]:
    return [value for value in ATTRIBUTES[name].values if value != "unknown"]


def _rule(chance: _Chance, number: int) -> Rule:
    permit = chance.below(10) > 0
    when: dict[str, Any] = {"power": ["cda1998_s115"]}
    for name in chance.sample(READ, 3 + chance.below(5)):
        values = _values(name)
        when[name] = chance.sample(values, 1 + chance.below(max(1, len(values) // 3)))
    table = {
        "id": f"rule-{number}",
        "title": f"Rule {number}",
        "stage": "H",
        "effect": "permit" if permit else "deny",
        "because": "an Act",
        "officer": "In words.",
        "requester": "No.",
        "when": when,
        "test": [{"on": "example", "expect": "permit" if permit else "deny"}],
    }
    header = {
        "owner": "a board",
        "jurisdiction": list(ATTRIBUTES["jurisdiction"].values),
        "effective_from": date(2026, 1, 1),
        "review_by": date(2027, 12, 31),
    }
    return parse_rule(table, "bench", header)


def _gateway(rules: Sequence[Rule]) -> tuple[Callable[[Facts], Any], Callable[[Any], bool]]:
    engine = Engine(rules)
    return (lambda facts: facts), (lambda facts: engine.evaluate(facts).outcome == "permit")


def _casbin_eval(rules: Sequence[Rule]) -> tuple[Callable[[Facts], Any], Callable[[Any], bool]]:
    """The documented way: one expression per rule, evaluated by casbin's own `eval()`."""
    casbin = importlib.import_module("casbin")
    model = casbin.Model()
    model.load_model_from_text(_CASBIN)
    enforcer = casbin.Enforcer(model)
    enforcer.model["p"]["p"].policy = [
        [_expression(rule), "allow" if rule.is_permit else "deny"] for rule in rules
    ]
    return _Question, lambda question: bool(enforcer.enforce(question))


def _expression(rule: Rule) -> str:
    parts = [
        "(" + " || ".join(f"r.q.{name} == '{value}'" for value in sorted(allowed)) + ")"
        for name, allowed in rule.scalars.items()
    ]
    return " && ".join(parts) or "True"


def _cedarpy(rules: Sequence[Rule]) -> tuple[Callable[[Facts], Any], Callable[[Any], bool]]:
    cedarpy = _peer("cedarpy")
    text = "\n".join(_cedar(rule) for rule in rules)
    prepared, entities = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")
    fixed = {"principal": 'User::"u"', "action": 'Action::"a"', "resource": 'Item::"i"'}

    def ask(question: Mapping[str, Any]) -> bool:
        return bool(cedarpy.is_authorized(question, prepared, entities).allowed)

    return (lambda facts: {**fixed, "context": {name: facts[name] for name in READ}}), ask


def _cedar(rule: Rule) -> str:
    conditions = " && ".join(
        f"[{', '.join(json.dumps(value) for value in sorted(allowed))}].contains(context.{name})"
        for name, allowed in rule.scalars.items()
    )
    effect = "permit" if rule.is_permit else "forbid"
    return f"{effect}(principal, action, resource) when {{ {conditions or 'true'} }};"


def _vakt(rules: Sequence[Rule]) -> tuple[Callable[[Facts], Any], Callable[[Any], bool]]:
    vakt = _peer("vakt")
    conditions = _peer("vakt.rules")
    storage = vakt.MemoryStorage()
    for rule in rules:
        effect = vakt.ALLOW_ACCESS if rule.is_permit else vakt.DENY_ACCESS
        context = {name: conditions.In(*sorted(allowed)) for name, allowed in rule.scalars.items()}
        anything = [conditions.Any()]
        storage.add(
            vakt.Policy(
                rule.id,
                effect=effect,
                subjects=anything,
                resources=anything,
                actions=anything,
                context=context,
            )
        )
    guard = vakt.Guard(storage, vakt.RulesChecker())

    def prepare(facts: Facts) -> Any:
        context = {name: facts[name] for name in READ}
        return vakt.Inquiry(action="a", resource="i", subject="u", context=context)

    return prepare, lambda inquiry: bool(guard.is_allowed(inquiry))


def _peer(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Misconfigured(
            f"The peer {name} isn't installed.", next_step="Install the group: uv sync --group bench."
        ) from error


_BUILDERS = MappingProxyType(
    {"gateway": _gateway, "casbin-eval": _casbin_eval, "cedarpy": _cedarpy, "vakt": _vakt}
)


def explaining(size: int, count: int = 500) -> tuple[float, float]:
    """Microseconds of CPU (median and 99th percentile) of a decision with all its rules and its nearest permits."""
    rules = make_rules(size)
    engine = Engine(rules)
    times = []
    for facts in make_requests(rules, count):
        begun = time.process_time_ns()
        verdict = engine.evaluate(facts)
        near = near_permits(engine, facts)
        _ = (verdict.matched, verdict.later, [missing_in_words(one, facts) for one in near])
        times.append(time.process_time_ns() - begun)
    times.sort()
    return _at(times, 0.5), _at(times, 0.99)


def _show(rows: Sequence[Row]) -> None:
    table = Table("engine", "rules", "p50 us", "p99 us", "decisions", "times the gateway", box=None)
    ours = {row.rules: row.p50_us for row in rows if row.engine == "gateway"}
    for row in rows:
        ratio = row.p50_us / ours[row.rules] if ours.get(row.rules) else 0.0
        table.add_row(
            row.engine,
            f"{row.rules:,}",
            f"{row.p50_us:,}",
            f"{row.p99_us:,}",
            f"{row.decisions:,}",
            f"{ratio:,.1f}",
        )
    Console().print(table)
