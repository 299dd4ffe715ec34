"""Puts a decision into words, twice: for the officer and the advocate, and for the requester.

The requester's text is made only of sentences written for requesters and of what the requester already said;
nothing that a fact in the registry alone could tell finds its way into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.decision.derive import Line, computed_consent, today
from gateway.decision.facts import Ask, Explanation
from gateway.policy.engine import Verdict
from gateway.policy.rules import Rule
from gateway.vocabulary import ConsentStatus, Effect, Outcome, Stage, vocabulary

REFUSED = (
    "Refused. The reasons are recorded; ask the holder's information-governance officer what to do next."
)
FAULTS = {
    "no_policy": "Refused: no policy is in force that can be read and verified.",
    "not_evaluable": "Refused: a fact or rule could not be evaluated, and what cannot be evaluated is not permitted.",
    "unknown_term": "Refused: the request uses a word that is not in the vocabulary.",
    "missing_attribute": "Refused: a fact the rules read is missing.",
    "nothing_asked": "Refused: the request names no kind of information or no recipient.",
    "engines_disagree": "Refused: the parts of the engine disagree, so nothing is permitted.",
    "obligation_not_dischargeable": "Refused: an obligation that goes with it could be discharged by nobody.",
    "default_deny": "No rule permits this: it is not necessary for this purpose, or no lawful basis shown reaches it.",
}
_ORDINARY = "Asked in the ordinary way, this is not permitted for this purpose with the powers you named."
_HEADINGS = {
    Outcome.PERMIT: "Permitted",
    Outcome.REFER: "Referred: a person decides, and nothing is released until then",
    Outcome.DENY: "Refused",
}
_MOST_SENTENCES = 14
# Where views and consent are read: before it, somebody's own record of them changed nothing.
_READS_CONSENT = {Stage.G, Stage.H, None}
OWN_HAND = (
    "That she agreed was recorded by somebody who asks for this or would get it, so it doesn't count yet: "
    "a colleague whom the request doesn't name, or the holder, asks her and records what she says."
)
_Answer = tuple[Line, Verdict, tuple[Rule, ...]]


def of_line(ask: Ask, line: Line, found: Verdict, duties: Sequence[Rule]) -> Explanation:
    """Both texts for one line."""
    return _explanation(ask, found.outcome, [(line, found, tuple(duties))])


def of_request(ask: Ask, outcome: Outcome, answers: Sequence[_Answer]) -> Explanation:
    """Both texts for the request: the lines that share its outcome, then what is withheld and why."""
    return _explanation(ask, outcome, answers)


def _explanation(ask: Ask, outcome: Outcome, answers: Sequence[_Answer]) -> Explanation:
    alike = [answer for answer in answers if answer[1].outcome is outcome]
    kept = (
        [answer for answer in answers if answer[1].outcome is Outcome.DENY]
        if outcome is Outcome.PERMIT
        else []
    )
    rules = _unique(rule for _, found, _ in alike for rule in found.matched)
    duties = _unique(rule for _, _, owed in alike for rule in owed)
    sentences = [f"{_HEADINGS[outcome]}{_what(outcome, alike)}."]
    sentences += _texts(rules) + _fault_texts(alike) + _consent(ask) + _texts(duties)
    sentences += _in_the_way(alike) + _withheld(kept)
    officer = " ".join(dict.fromkeys(sentences[:_MOST_SENTENCES]))
    alternative = next((rule.alternative for rule in rules if rule.alternative), "")
    if alternative:
        officer = f"{officer} Instead: {alternative}"
    return Explanation(officer, _for_requester(ask, outcome, alike, kept, rules, alternative), alternative)


def _what(outcome: Outcome, alike: Sequence[_Answer]) -> str:
    if outcome is not Outcome.PERMIT:
        return ""
    return f": {_labels(line for line, _, _ in alike)}"


def _for_requester(
    ask: Ask,
    outcome: Outcome,
    alike: Sequence[_Answer],
    kept: Sequence[_Answer],
    rules: Sequence[Rule],
    alternative: str,
) -> str:
    if outcome is Outcome.PERMIT:
        sentences = [f"You may have: {_labels(line for line, _, _ in alike)}.", *_law(ask)]
        if kept:
            sentences.append(f"Withheld: {_labels(line for line, _, _ in kept)}.")
        return " ".join(sentences)
    sentences = [f"{_HEADINGS[outcome]}."]
    sentences += list(dict.fromkeys(rule.requester for rule in rules[:1] if rule.requester)) or [_ORDINARY]
    if ask.consent.by_own_hand and all(found.stage in _READS_CONSENT for _, found, _ in alike):
        sentences.append(OWN_HAND)
    if alternative:
        sentences.append(f"You may ask for this instead: {alternative}")
    return " ".join(sentences)


def _law(ask: Ask) -> list[str]:
    """The law that was asked under, in words with its citation: what the requester named, so it reveals nothing."""
    named = [vocabulary().label("power", power) for power in ask.legal_basis.powers]
    return [f"The law it rests on is {' and '.join(named)}."] if named else []


def _texts(rules: Iterable[Rule]) -> list[str]:
    return [_text(rule) for rule in rules if rule.officer]


def _text(rule: Rule) -> str:
    """A rule's words; one that decides also cites its law."""
    return rule.officer if rule.effect is Effect.OBLIGE else f"{rule.officer} ({rule.because})"


def _fault_texts(alike: Sequence[_Answer]) -> list[str]:
    reasons = dict.fromkeys(found.reason for _, found, _ in alike if found.rule is None)
    return [FAULTS.get(reason, FAULTS["not_evaluable"]) for reason in reasons]


def _in_the_way(alike: Sequence[_Answer]) -> list[str]:
    titles = [rule.title for rule in _unique(rule for _, found, _ in alike for rule in found.later)]
    return [f"Also in the way: {'; '.join(titles[:5])}."] if titles else []


def _withheld(kept: Sequence[_Answer]) -> list[str]:
    if not kept:
        return []
    reasons = _texts(_unique(rule for _, found, _ in kept for rule in found.matched)) + _fault_texts(kept)
    return [f"Withheld: {_labels(line for line, _, _ in kept)}.", *dict.fromkeys(reasons)]


def _consent(ask: Ask) -> list[str]:
    status = computed_consent(ask.consent, today(ask))
    last = ask.consent.last_day
    if ask.consent.by_own_hand:
        return [OWN_HAND]
    if status is ConsentStatus.GIVEN:
        until = f", and expires {last.isoformat()}" if last else ""
        return [f"Consent within scope: what is asked lies within consent scope{until}."]
    if status is ConsentStatus.EXPIRED:
        return [f"What was agreed has expired{f': it expired {last.isoformat()}' if last else ''}."]
    if status is ConsentStatus.OUT_OF_SCOPE:
        return ["It lies outside consent scope: it was given for something else."]
    return []


def _labels(lines: Iterable[Line]) -> str:
    names = dict.fromkeys(vocabulary().categories[line.category].label for line in lines)
    return "; ".join(names)


def _unique(rules: Iterable[Rule]) -> list[Rule]:
    return list({rule.id: rule for rule in rules}.values())
