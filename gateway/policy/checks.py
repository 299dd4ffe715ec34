"""What a policy must pass before anybody may sign it: words and shape, its own tests, the core, and the nevers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from gateway.policy import lifecycle
from gateway.policy.analysis import Analysis, analyse
from gateway.policy.examples import run_tests
from gateway.policy.never import Proof, prove
from gateway.policy.packs import Policy
from gateway.policy.rules import PolicyError, Rule

_ANALYSIS = "analysis"
MOST_CHARACTERS = 250_000
MOST_FILES = 60
_KEPT = 8
# What the address of its page can hold.
_PACK_ID = re.compile(r"[a-z0-9][a-z0-9_-]{2,79}")


@dataclass(frozen=True)
class Finding:
    """Something a check found; `stops` says whether the draft can be signed with it."""

    check: str
    where: str
    says: str
    stops: bool = True


@dataclass(frozen=True)
class Checked:
    """A policy with what was found; it may be signed when nothing found stops it."""

    policy: Policy | None
    findings: tuple[Finding, ...]
    tests: int = 0
    rules: int = 0
    proofs: tuple[Proof, ...] = ()
    analysis: Analysis | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing stands in the way of a signature."""
        return self.policy is not None and not any(found.stops for found in self.findings)


def check(files: Mapping[str, str], enabled: Sequence[str], day: date, *, proving: bool = True) -> Checked:
    """Run every check that needs no partnership on the policy as it would be on a day. Never raises.

    What depends on the text and the day alone is kept for those who ask again: signing and approving do.
    """
    found = _checked(tuple(sorted(files.items())), tuple(enabled), day, proving)
    if found.policy is None:
        return found
    return replace(found, findings=(*_core(found.policy), *found.findings))


@lru_cache(maxsize=_KEPT)
def _checked(
    texts: tuple[tuple[str, str], ...], enabled: tuple[str, ...], day: date, proving: bool
) -> Checked:
    files = dict(texts)
    try:
        policy = load(files, enabled)
    except PolicyError as problem:
        return Checked(None, (Finding("vocabulary and shape", problem.where, problem.problem),))
    findings = [*_dates(policy, day), *_tests(policy, day)]
    proofs = prove(policy, day) if proving else ()
    findings += [
        Finding("never-statements", proof.never.id, proof.sentence) for proof in proofs if not proof.proved
    ]
    tests = sum(len(rule.tests) for rule in policy.rules)
    return Checked(policy, tuple(findings), tests, len(policy.rules), proofs)


def against_others(policy: Policy, day: date, changed: frozenset[str]) -> tuple[Analysis, list[Finding]]:
    """What changed rules do beside all others, each pack read as if it were on.

    A rule of a pack that can never decide stops the draft: whoever wrote it expects something of it.
    """
    found = _analysed(policy, day, changed)
    by_id = {rule.id: rule for rule in policy.rules}
    findings = [
        Finding(
            _ANALYSIS,
            rule_id,
            f"“{by_id[rule_id].title}” can never decide: wherever it matches, a rule before it decides."
            if rule_id in changed
            else f"“{by_id[rule_id].title}” can never decide any more: the change stands before it everywhere.",
            stops=rule_id in changed,
        )
        for rule_id in found.dead
    ]
    findings += [
        Finding(_ANALYSIS, rule_id, "Whether it can ever decide could not be worked out.", stops=False)
        for rule_id in found.undecided
    ]
    findings += [
        Finding(
            _ANALYSIS,
            pair.one,
            f"“{by_id[pair.one].title}” says nothing that “{by_id[pair.other].title}” doesn't say.",
            stops=False,
        )
        for pair in found.redundant
    ]
    return found, findings


@lru_cache(maxsize=_KEPT)
def _analysed(policy: Policy, day: date, changed: frozenset[str]) -> Analysis:
    whole = policy.enabled()
    found = analyse(whole, day, changed)
    for pack in whole.packs:
        own = changed & {rule.id for rule in pack.rules}
        if pack.agency is None or not own:
            continue
        beside = analyse(whole, day, own, pack.agency)
        found = replace(
            found,
            dead=(*found.dead, *(one for one in beside.dead if one in own)),
            undecided=(*found.undecided, *(one for one in beside.undecided if one in own)),
            redundant=(*found.redundant, *beside.redundant),
            overlapping=(*found.overlapping, *beside.overlapping),
        )
    return found


def load(files: Mapping[str, str], enabled: Sequence[str]) -> Policy:
    """Compile files after looking at their size. Raises PolicyError."""
    if len(files) > MOST_FILES:
        raise PolicyError("policy", f"there are more than {MOST_FILES} files")
    for name, text in files.items():
        if len(text) > MOST_CHARACTERS:
            raise PolicyError(name, f"it is longer than {MOST_CHARACTERS:,} characters")
    policy = lifecycle.compiled(files, enabled)
    known = {pack.id for pack in policy.packs}
    for pack_id in known:
        if not _PACK_ID.fullmatch(pack_id):
            raise PolicyError(
                "policy", "the id of a pack is 3 to 80 small letters, digits, hyphens and underscores"
            )
    for pack_id in enabled:
        if pack_id not in known:
            raise PolicyError("policy", f"no pack is called {pack_id!r}, so it can't be switched on")
    return policy


def untested(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Rules none of whose tests shows them at work."""
    return tuple(
        rule.id
        for rule in rules
        if not any(shows(rule, one.expect.value, one.obligations) for one in rule.tests)
    )


def shows(rule: Rule, expects: str, obligations: frozenset[object]) -> bool:
    """Whether a test with this outcome shows its rule at work, rather than at rest."""
    if rule.effect.value == "oblige":
        return bool(obligations & frozenset(rule.obligations))
    return expects == rule.effect.value


def _core(policy: Policy) -> list[Finding]:
    """The core is the product's: a partnership adds to it and never changes it (DESIGN 5: nothing weakens the core)."""
    shipped = lifecycle.compiled(lifecycle.shipped_files(), ())
    cores = [pack.canonical() for one in (policy, shipped) for pack in one.packs if pack.kind == "core"]
    if cores[0] == cores[1]:
        return []
    says = "The core isn't the one that this version of the gateway came with. Take that one; add rules in a pack."
    return [Finding("core", lifecycle.CORE_FILE, says)]


def _dates(policy: Policy, day: date) -> list[Finding]:
    found = []
    for pack in policy.packs:
        if pack.review_by < day and (pack.enabled or pack.kind == "overlay"):
            says = (
                f"Its review was due on {pack.review_by.isoformat()}, so it would refer instead of deciding."
            )
            found.append(Finding("dates", pack.id, says))
    late = [rule for rule in policy.rules if rule.review_by < day]
    found += [Finding("dates", rule.id, "The rule is past its review date.", stops=False) for rule in late]
    over = [rule for rule in policy.rules if rule.effective_to is not None and rule.effective_to < day]
    return found + [Finding("dates", rule.id, "The rule is over.", stops=False) for rule in over]


def _tests(policy: Policy, day: date) -> list[Finding]:
    """The tests of every rule, with its pack on even where it is off; and the rules that no test shows at work."""
    whole = policy.enabled()
    live = {
        rule.id
        for pack in whole.packs
        if pack.effective_from <= day <= pack.review_by
        for rule in pack.rules
        if rule.in_force(day) and rule.status == "active"
    }
    found = [
        Finding("tests", result.rule_id, f"{result.test.name or 'Its test'}: {result.problem}")
        for result in run_tests(whole, day, frozenset(live))
        if not result.passed
    ]
    return found + [
        Finding("coverage", rule_id, "No test shows this rule at work.") for rule_id in untested(policy.rules)
    ]
