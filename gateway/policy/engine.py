"""Decides: the index finds the rules, the first stage with a match decides, and casbin must agree to permit.

Three parts have to say yes before anything is permitted: the bitmap index, the rule re-checked on the same
facts, and casbin's deny-overrides. Whatever goes wrong on the way is a refusal with a reason code.
"""

from __future__ import annotations

import ast
import configparser
import logging
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from casbin.core_enforcer import CoreEnforcer
from casbin.util import SimpleEval

from gateway.policy.attributes import Facts, fault
from gateway.policy.index import Index, bits
from gateway.policy.rules import Rule
from gateway.vocabulary import Effect, Outcome, Stage, policies_dir

MODEL: Final = {
    "request_definition": {"r": "req"},
    "policy_definition": {"p": "id, eft"},
    "policy_effect": {"e": "some(where (p.eft == allow)) && !some(where (p.eft == deny))"},
    "matchers": {"m": "ruleMatch(r.req, p.id)"},
}
# Never matches; stands where there is nothing else, for casbin invents a row of empty strings for an empty table.
SENTINEL: Final = ("__default__", "deny")
_STAGE_ORDER: Final = {stage: position for position, stage in enumerate(Stage)}
_OUTCOMES: Final = {Effect.DENY: Outcome.DENY, Effect.REFER: Outcome.REFER, Effect.PERMIT: Outcome.PERMIT}
_EFFECT_ORDER: Final = {Effect.DENY: 0, Effect.REFER: 1, Effect.PERMIT: 2}

_candidates: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("candidates", default=(SENTINEL,))
_rules: ContextVar[dict[str, Rule]] = ContextVar("rules")


@dataclass(frozen=True)
class Verdict:
    """What the policy says of one line: outcome, deciding rule (None by default) and reason code.

    The rules behind it are looked up when asked for: deciding takes microseconds, explaining may take longer.
    """

    outcome: Outcome
    rule: Rule | None
    reason: str
    index: Index
    matched_mask: int = 0
    later_mask: int = 0
    trial_mask: int = 0

    @property
    def stage(self) -> Stage | None:
        """The stage that decided, None for a default refusal."""
        return self.rule.stage if self.rule else None

    @property
    def matched(self) -> tuple[Rule, ...]:
        """Every rule that matched in the deciding stage, the deciding one first."""
        return self.index.named(self.matched_mask)

    @property
    def later(self) -> tuple[Rule, ...]:
        """The stops that matched in later stages: they did not decide but stand in the way as well."""
        return self.index.named(self.later_mask)

    @property
    def trial(self) -> tuple[Rule, ...]:
        """Trial rules that matched: recorded, never deciding."""
        return self.index.named(self.trial_mask)

    @property
    def tried(self) -> tuple[tuple[Rule, Outcome], ...]:
        """Each trial rule that matched, with what the line would have come to if that rule decided."""
        decided = self.matched_mask or 1 << len(self.index.rules)
        first = decided & -decided
        return tuple(
            (rule, _OUTCOMES[rule.effect] if 1 << bit < first else self.outcome)
            for bit, rule in zip(bits(self.trial_mask), self.trial, strict=True)
        )


class _CandidateView(Sequence[tuple[str, str]]):
    """casbin's rule table: the candidate rows of the decision running in this context, and no other."""

    def __len__(self) -> int:
        return len(_candidates.get())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(_candidates.get())

    def __getitem__(self, position: Any) -> Any:
        return _candidates.get()[position]


def _rule_match(facts: Facts, rule_id: str) -> bool:
    if rule_id == SENTINEL[0]:
        return False
    rule = _rules.get()[rule_id]
    try:
        return rule.matches(facts)
    except Exception:  # noqa: BLE001
        # What cannot be evaluated stops (a deny counts as matched) and never opens (ACAL 1.0, E.2).
        return not rule.is_permit


class _Matcher(SimpleEval):  # type: ignore[misc]
    """casbin's expression, parsed once: it holds no names, so threads may share it."""

    def __init__(self, text: str) -> None:
        super().__init__(text, {})
        tree = self.ast_parsed_value
        if not isinstance(tree, ast.Call) or ast.unparse(tree) != "ruleMatch(r_req, p_id)":
            raise RuntimeError("the matcher is not the one this engine was written for")

    def eval(self, names: Any = None) -> bool:
        return _rule_match(names["r_req"], names["p_id"])


class _Enforcer(CoreEnforcer):  # type: ignore[misc]
    """casbin with its matcher compiled once, instead of once per decision."""

    _compiled: dict[str, _Matcher] = {}

    @staticmethod
    def _get_expression(expr: str, functions: Any = None) -> _Matcher:  # noqa: ARG004 - casbin's signature
        found = _Enforcer._compiled.get(expr)
        if found is None:
            found = _Enforcer._compiled.setdefault(expr, _Matcher(expr))
        return found


def check_model(text: str) -> None:
    """Refuse a model other than ours: its effect line decides whether nothing matched means yes.

    Raises RuntimeError. Called at start, so that an edited ``policies/model.conf`` stops the gateway.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    if {section: dict(parser[section]) for section in parser.sections()} != MODEL:
        raise RuntimeError("policies/model.conf was changed; it has to say what the engine was written for")


@cache
def _enforcer() -> _Enforcer:
    text = (policies_dir() / "model.conf").read_text(encoding="utf-8")
    check_model(text)
    # Silenced first: casbin writes its model, and the whole request of a denied call, to these loggers.
    for name in ("casbin", "casbin.enforcer", "casbin.policy", "casbin.model", "casbin.role"):
        logger = logging.getLogger(name)
        logger.disabled = True
        logger.setLevel(logging.CRITICAL + 1)
    enforcer = _Enforcer(CoreEnforcer.new_model(text=text))
    enforcer.model["p"]["p"].policy = _CandidateView()
    enforcer._get_expression(enforcer.model["m"]["m"].value)
    return enforcer


def casbin_agrees(facts: Facts, candidates: Sequence[Rule]) -> bool:
    """Whether casbin, shown only these rows, permits. Raises RuntimeError when casbin has been switched off."""
    enforcer = _enforcer()
    if enforcer.enabled is not True:
        raise RuntimeError("casbin's enforcement is switched off")
    rows = tuple([(rule.id, "allow" if rule.is_permit else "deny") for rule in candidates])
    table = _candidates.set(rows or (SENTINEL,))
    rules = _rules.set({rule.id: rule for rule in candidates})
    try:
        return enforcer.enforce(facts) is True
    finally:
        _rules.reset(rules)
        _candidates.reset(table)


def sort_key(rule: Rule) -> tuple[int, int, bool]:
    """Order in which rules decide: by stage, then deny, refer, permit, then packs before the core."""
    return _STAGE_ORDER[rule.stage], _EFFECT_ORDER[rule.effect], rule.pack == "core"


class Engine:
    """The rules in force on one day, ready to decide. Immutable; shared by threads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        deciding = sorted((rule for rule in rules if rule.effect is not Effect.OBLIGE), key=sort_key)
        self.index = Index(deciding)
        self.duties = Index([rule for rule in rules if rule.effect is Effect.OBLIGE])
        self._position = {rule.id: i for i, rule in enumerate(deciding)}
        self._trial = sum(1 << i for i, rule in enumerate(deciding) if rule.status == "trial")
        stages = [rule.stage for rule in deciding]
        masks = {
            stage: sum(1 << i for i, s in enumerate(stages) if s is stage) for stage in frozenset(stages)
        }
        self._stops = sum(1 << i for i, rule in enumerate(deciding) if not rule.is_permit)
        after = {stage: self._stops & ~((1 << mask.bit_length()) - 1) for stage, mask in masks.items()}
        self._stage_of = [masks[stage] for stage in stages]
        self._stops_after = [after[stage] for stage in stages]
        self.permits = sum(1 << i for i, rule in enumerate(deciding) if rule.is_permit)

    def evaluate(self, facts: Facts, lifted: frozenset[str] = frozenset()) -> Verdict:
        """Decide one line. ``lifted``: rules that a human authorisation lifts; only liftable ones are.

        Never raises: unknown terms, missing attributes and faults are refusals with their reason code.
        """
        try:
            wrong = fault(facts)
            if wrong is not None:
                return self.refusal(wrong)
            return self._decide(facts, lifted)
        except Exception:  # noqa: BLE001 - whatever goes wrong is a refusal (promise 2)
            return self.refusal("not_evaluable")

    def _decide(self, facts: Facts, lifted: frozenset[str]) -> Verdict:
        found = self.index.match(facts)
        trial = 0
        if self._trial:
            trial = found & self._trial
            found ^= trial
        for rule_id in lifted:
            found &= ~self._liftable_bit(rule_id)
        if not found:
            return Verdict(Outcome.DENY, None, "default_deny", self.index, trial_mask=trial)
        first = (found & -found).bit_length() - 1
        rule = self.index.rules[first]
        deciding = found & self._stage_of[first]
        outcome = _OUTCOMES[rule.effect]
        # One rule is all that casbin needs to see: a stop stops, and permits beyond the first add obligations, never
        # permission. Were there a stop among them after all, casbin would see that too.
        candidates = (rule, *self.index.named(deciding & self._stops)) if rule.is_permit else (rule,)
        allowed = casbin_agrees(facts, candidates)
        if (outcome is Outcome.PERMIT) != allowed or (allowed and not rule.matches(facts)):
            return self.refusal("engines_disagree")
        return Verdict(outcome, rule, "rule", self.index, deciding, found & self._stops_after[first], trial)

    def refusal(self, reason: str) -> Verdict:
        """A refusal that no rule made, with its reason code."""
        return Verdict(Outcome.DENY, None, reason, self.index)

    def _liftable_bit(self, rule_id: str) -> int:
        position = self._position.get(rule_id)
        if position is None or not self.index.rules[position].liftable:
            return 0
        return 1 << position

    def owed(self, facts: Facts, outcome: Outcome) -> tuple[Rule, ...]:
        """The oblige rules that attach to this outcome of a line.

        Raises KeyError on facts outside the vocabulary; whoever calls treats that as a refusal.
        """
        matched = (self.duties.rules[i] for i in bits(self.duties.match(facts)))
        return tuple(rule for rule in matched if outcome in rule.on and rule.status == "active")

    def rule(self, rule_id: str) -> Rule | None:
        """The deciding rule with that id, if it is in force."""
        position = self._position.get(rule_id)
        return None if position is None else self.index.rules[position]
