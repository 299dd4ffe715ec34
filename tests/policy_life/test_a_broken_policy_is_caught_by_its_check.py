"""Twenty deliberately broken policies, each caught by the check that is named for it; and hostile rule texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import pytest

from gateway.policy import analysis, checks, lifecycle
from gateway.policy.difference import difference
from gateway.policy.never import prove
from gateway.policy.packs import parse_pack, policy_of
from gateway.policy.rules import PolicyError

DAY = date(2026, 11, 22)
Files = dict[str, str]
Break = Callable[[Files], None]
_PACK = """
[pack]
id = "local"
kind = "pack"
title = "Local rules"
owner = "The board"
jurisdiction = ["EW"]
effective_from = 2026-01-01
review_by = 2027-06-30
arrangements = ["MARAC"]
[example.case]
arrangement = "MARAC"
requester_type = "la_housing"
recipient_orientation = "perpetrator_facing"
category = "housing"
power = ["cda1998_s115"]
subject_role = "perpetrator"
"""
_RULE = """
[[rule]]
id = "local-housing"
title = "Housing"
stage = "H"
effect = "permit"
because = "CDA 1998 s115"
officer = "Needed."
[rule.when]
category = ["housing"]
subject_role = ["perpetrator"]
recipient_type = ["la_housing"]
power = ["cda1998_s115"]
[[rule.test]]
on = "case"
expect = "permit"
"""


def _pack(rule: str = _RULE) -> Break:
    def add(files: Files) -> None:
        files["local.toml"] = _PACK + rule

    return add


def _replaced(old: str, new: str, file: str = "local.toml") -> Break:
    def change(files: Files) -> None:
        if file == "local.toml":
            files[file] = _PACK + _RULE
        assert old in files[file], old
        files[file] = files[file].replace(old, new, 1)

    return change


def _dropped(rule_id: str, file: str) -> Break:
    from gateway.policy.drafting import drop_rule

    def drop(files: Files) -> None:
        files[file] = drop_rule(files[file], rule_id)

    return drop


_BROKEN: dict[str, tuple[str, Break]] = {
    "a dropped stop of the core": ("core", _dropped("core-a-recipient-walled", "core.toml")),
    "a flipped effect in the core": (
        "vocabulary and shape",
        _replaced('effect = "deny"', 'effect = "permit"', "core.toml"),
    ),
    "a stop of the core turned into a trial": (
        "core",
        _replaced('stage = "A"', 'stage = "A"\nstatus = "trial"', "core.toml"),
    ),
    "a widened list in the core": (
        "core",
        _replaced('recipient_walled = ["no"]', 'recipient_walled = ["no", "yes"]', "core.toml"),
    ),
    "an expired pack": ("dates", _replaced("review_by = 2027-06-30", "review_by = 2026-06-30")),
    "a word that isn't in the vocabulary": ("vocabulary and shape", _replaced('"la_housing"]', '"la_houses"]')),
    "an attribute that isn't known": ("vocabulary and shape", _replaced("subject_role = [", "subject_rule = [")),
    "a permit without a power": ("vocabulary and shape", _replaced('power = ["cda1998_s115"]\n[[', "[[")),
    "a rule without a test": ("vocabulary and shape", _pack(_RULE.split("[[rule.test]]", maxsplit=1)[0])),
    "a rule without its law": ("vocabulary and shape", _replaced('because = "CDA 1998 s115"\n', "")),
    "an effect with a blank": ("vocabulary and shape", _replaced('effect = "permit"', 'effect = "permit "')),
    "a permit before the last stage": ("vocabulary and shape", _replaced('stage = "H"', 'stage = "A"')),
    "a referral before stage E": (
        "vocabulary and shape",
        _replaced(
            'stage = "H"\neffect = "permit"',
            'stage = "B"\neffect = "refer"\nrequester = "No."\nrefer_to = ["ig_officer"]',
        ),
    ),
    "a rule that reaches into another arrangement": (
        "vocabulary and shape",
        _replaced('subject_role = ["perpetrator"]\nrecipient', 'arrangement = ["MAPPA"]\nrecipient'),
    ),
    "a test that doesn't come out": ("tests", _replaced('expect = "permit"', 'expect = "refer"')),
    "a rule that no test shows at work": (
        "coverage",
        _replaced('on = "case"\nexpect = "permit"', 'on = "case"\ngiven = { category = "identity" }\nexpect = "deny"'),
    ),
    "a rule that is there twice": ("vocabulary and shape", _pack(_RULE + _RULE)),
    "a permit on an unknown fact": (
        "vocabulary and shape",
        _replaced('recipient_type = ["la_housing"]\n', 'recipient_type = ["la_housing"]\nrisk = ["unknown"]\n'),
    ),
    "a core that lifts a bar": (
        "vocabulary and shape",
        _replaced(
            'stage = "H"\neffect = "permit"',
            'stage = "E"\neffect = "refer"\nrequester = "No."\nrefer_to = ["ig_officer"]\n'
            'may_lift = ["core-c-gender-history"]',
        ),
    ),
    "text that isn't TOML": ("vocabulary and shape", _replaced("[rule.when]", "[rule.when")),
    "a pack that takes the core's name": ("vocabulary and shape", _replaced('id = "local"', 'id = "core"')),
}  # fmt: skip


def _found(change: Break | None, *, proving: bool = False) -> checks.Checked:
    files = lifecycle.shipped_files()
    if change is not None:
        change(files)
    return checks.check(
        files,
        ("mappa", "marac", "local") if "local.toml" in files else ("mappa", "marac"),
        DAY,
        proving=proving,
    )


def test_the_shipped_policy_passes_every_check_and_every_never_statement() -> None:
    found = _found(None, proving=True)
    assert found.passed, found.findings
    assert len(found.proofs) >= 10
    whole = analysis.analyse(found.policy.enabled(), DAY) if found.policy else None
    assert whole is not None
    assert (whole.dead, whole.undecided) == ((), ())


def test_the_control_is_sound() -> None:
    found = _found(_pack())
    assert found.passed, found.findings


@pytest.mark.parametrize("what", _BROKEN)
def test_each_is_caught_by_the_named_check(what: str) -> None:
    named, change = _BROKEN[what]
    found = _found(change)
    assert not found.passed
    assert named in {one.check for one in found.findings if one.stops}, found.findings


def _without(rule_id: str) -> tuple[bool, str]:
    """Whether the never-statements catch a policy whose core lacks a rule, and by which words."""
    packs = [
        parse_pack(text, name)
        for name, text in sorted(lifecycle.shipped_files().items(), key=lambda one: one[0] != "core.toml")
    ]
    from dataclasses import replace

    kept = [replace(p, rules=tuple(r for r in p.rules if r.id != rule_id)) for p in packs]
    broken = [one for one in prove(policy_of(kept).enabled(), DAY) if not one.proved]
    return bool(broken), broken[0].sentence if broken else ""


@pytest.mark.parametrize(
    "rule_id",
    [
        "core-a-requester-walled",
        "core-a-identity-unverified",
        "core-a-not-on-case",
        "core-a-own-request",
        "core-c-general-publication",
        "core-c-safety-critical-to-perpetrator-facing",
        "core-c-incompatible-purpose",
    ],
)
def test_a_policy_without_its_guard_breaks_a_never_statement_with_a_case_in_words(rule_id: str) -> None:
    broken, sentence = _without(rule_id)
    assert broken, rule_id
    assert "would permit it, for example when" in sentence


def test_a_counterexample_is_one_that_the_engine_really_permits() -> None:
    from dataclasses import replace

    packs = [
        parse_pack(text, name)
        for name, text in sorted(lifecycle.shipped_files().items(), key=lambda one: one[0] != "core.toml")
    ]
    guard = "core-c-safety-critical-to-perpetrator-facing"
    policy = policy_of(
        [replace(p, rules=tuple(r for r in p.rules if r.id != guard)) for p in packs]
    ).enabled()
    [broken] = [one for one in prove(policy, DAY) if one.never.id == "safety-critical-to-perpetrator-facing"]
    assert broken.example is not None
    engine = policy.engine(DAY)
    liftable = frozenset(rule.id for rule in policy.rules if rule.liftable)
    assert engine.evaluate(broken.example, liftable).outcome == "permit"


def test_what_always_holds_of_facts_holds_of_facts_that_are_worked_out() -> None:
    """The proof's constraints are true of what the gateway derives, or the proof would prove too much."""
    import dataclasses

    from gateway.decision.derive import lines
    from gateway.policy.never import load_statements
    from gateway.vocabulary import AgencyType, Category, Purpose, SubjectRole
    from tests.decision.cases import marac

    for kind in (AgencyType.PERPETRATOR, AgencyType.MEMBER_OF_PUBLIC, AgencyType.POLICE):
        for purpose in (Purpose.CURIOSITY, Purpose.VICTIM_SAFETY):
            for role in (SubjectRole.VICTIM, SubjectRole.DECEASED_VICTIM):
                made = marac()
                recipient = dataclasses.replace(made.recipients[0], agency_type=kind)
                made = dataclasses.replace(
                    made,
                    recipients=(recipient,),
                    purpose=purpose,
                    categories=tuple(Category),
                    subject=dataclasses.replace(made.subject, role=role),
                )
                for line in lines(made):
                    for _, condition, then in load_statements().implications:
                        if _holds(condition, line.facts):
                            assert _holds(then, line.facts), (line.category, kind, purpose)


def _holds(region: object, facts: Mapping[str, object]) -> bool:
    from gateway.policy.boxes import Region

    assert isinstance(region, Region)
    if not all(facts[name] in values for name, values in region.scalars.items()):
        return False
    for name, condition in region.sets.items():
        present = facts[name]
        assert isinstance(present, frozenset)
        if condition.none & present or not all(group & present for group in condition.groups):
            return False
    return True


def test_dead_and_redundant_rules_are_named() -> None:
    shadowed = _RULE.replace("local-housing", "local-again").replace(
        'officer = "Needed."', 'officer = "Again."'
    )
    blocked = _RULE.replace("local-housing", "local-walled").replace(
        "[rule.when]", '[rule.when]\nrecipient_walled = ["yes"]'
    )
    files = {**lifecycle.shipped_files(), "local.toml": _PACK + _RULE + shadowed + blocked}
    found = analysis.analyse(lifecycle.compiled(files, ("local",)), DAY)
    assert "local-walled" in found.dead
    assert {(one.one, one.other) for one in found.redundant} >= {("local-again", "local-housing")}


@pytest.mark.parametrize(
    ("change", "loosens"),
    [
        (("", ""), None),
        (('category = ["housing"]', 'category = ["housing", "finances"]'), True),
        (('recipient_type = ["la_housing"]\n', ""), True),
        (('category = ["housing"]', 'category = ["housing"]\nrisk = ["high"]'), False),
        (('officer = "Needed."', 'officer = "Needed."\nobligations = ["confirm_receipt"]'), False),
        (('effect = "permit"', 'effect = "permit"\nstatus = "trial"'), False),
        (("review_by = 2027-06-30", "review_by = 2028-06-30"), True),
    ],
)
def test_a_difference_says_whether_it_only_takes_away(change: tuple[str, str], loosens: bool | None) -> None:
    base = {**lifecycle.shipped_files(), "local.toml": _PACK + _RULE}
    other = {
        **base,
        "local.toml": base["local.toml"].replace(*change, 1) if change[0] else base["local.toml"],
    }
    found = difference(lifecycle.compiled(base, ("local",)), lifecycle.compiled(other, ("local",)))
    if loosens is None:
        assert not found.changes
        return
    assert found.tightens_only is not loosens
    assert all(one.says for one in found.changes)


def _hostile() -> list[str]:
    injected = [
        "True", "False) or (True", "__import__('os').system('id')", "r.req.update({})", "eval(p.rule)", "9**999999",
        "(a+)+$", "*", "", " ", "any", "#", "'; DROP TABLE policy_version; --", "{{7*7}}", "${jndi:ldap://x}",
        "\\u202e",
        "lambda: 1", "[x for x in y]", "unknown ", "Police", "police\\u0000", "police,probation", "..", "null",
        "a" * 5000,
    ]  # fmt: skip
    names = ("category", "recipient_type", "power", "circumstance", "purpose", "risk")
    texts = [_with(name, value) for name in names for value in injected]
    texts += [_PACK + _RULE.replace("[rule.when]", f"[rule.when]\n{junk}") for junk in (
        'category = { matches = "x" }', "category = true", "risk = { at_least = 3 }", "category = [1]",
        "category = {}",
        'category = "housing"', 'category = [["housing"]]', 'risk = { at_least = "unknown" }',
        'power = { some = ["x"] }',
        'when = "always"', 'script = "print(1)"', "category = []",
    )]  # fmt: skip
    texts += [
        _PACK + _RULE.replace('effect = "permit"', f"effect = {value}")
        for value in ('"Permit"', '"allow"', '"permit "', "1", "[]", '""')
    ]
    texts += [
        _PACK + _RULE.replace('stage = "H"', f"stage = {value}")
        for value in ('"h"', '"Z"', "8", '"A"', '"B"', '"C"', '"E"')
    ]
    texts += [
        _PACK + _RULE.replace('id = "local-housing"', f"id = {value}")
        for value in ('""', '"a b"', '"<script>"', '"../x"', "5", '"É-rule"', f'"{"a" * 200}"')
    ]
    texts += [
        "[" * 3000,
        "x = " + "[" * 3000,
        "a.b" * 2000,
        "\x00",
        "= = =",
        _PACK + _RULE + "\n[evil]\nx = 1",
    ]
    texts += [
        _PACK.replace('kind = "pack"', f"kind = {value}") + _RULE
        for value in ('"Core"', '"core"', '"overlay"', "1", '""')
    ]
    texts += [_PACK + _RULE + f"\n{extra}" for extra in ("rule = 1", "[pack]\nid='x'", '[[rule]]\nid = "x"')]
    texts += [
        _PACK + _RULE.replace("[[rule.test]]", f"[rule.{name}]\nx = 1\n[[rule.test]]")
        for name in ("exec", "python", "matcher", "g", "include")
    ]
    return texts


def _with(name: str, value: str) -> str:
    lines = [line for line in _RULE.splitlines() if not line.startswith(f"{name} ")]
    text = "\n".join(lines)
    return _PACK + text.replace("[rule.when]", f'[rule.when]\n{name} = ["{value}"]')


def test_two_hundred_hostile_texts_are_each_refused_with_a_reason() -> None:
    texts = _hostile()
    assert len(texts) >= 200
    for text in texts:
        with pytest.raises(PolicyError) as refused:
            parse_pack(text, "local.toml")
        assert refused.value.problem
