"""What a pack needs of this partnership before it may be switched on: protocol, chair, retention, impact assessment."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.checks import Finding
from gateway.policy.packs import Pack, Policy
from gateway.registry import authorities, memberships
from gateway.registry.memberships import ArrangementView
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Role

_SETTINGS = {
    "protocol": "protocol_reference",
    "chair": "chair_post_id",
    "retention": "retention_days",
    "dpia": "dpia_reference",
}
_COORDINATOR = "coordinator"
_WORDS = {
    "protocol": "the protocol",
    "chair": "a chair whose post is current",
    "retention": "how long records are kept",
    "dpia": "the impact assessment (DPIA)",
    _COORDINATOR: "somebody who may decide as its co-ordinator",
    "local_legal_review": "a review by a lawyer of that jurisdiction",
}


def in_words(need: str) -> str:
    """What a pack needs, said to an officer."""
    return _WORDS.get(need, need.replace("_", " "))


def missing_settings(unit: Unit, partnership_id: str, old: Policy | None, new: Policy) -> list[Finding]:
    """Packs that are switched on need the local settings of their arrangements first."""
    was_on = {pack.id for pack in old.packs if pack.enabled} if old else set()
    found = []
    for pack in new.packs:
        if not pack.enabled or not pack.needs or pack.id in was_on:
            continue
        places = _places(unit, partnership_id, pack)
        if not places:
            says = (
                "It can't be switched on: no arrangement that it is for is in the register, under its law. "
                "An operator adds it with a register file."
            )
            found.append(Finding("local settings", pack.id, says))
            continue
        missing = ", ".join(
            dict.fromkeys(in_words(one) for one in _missing(unit, partnership_id, pack, places))
        )
        if missing:
            says = f"It can't be switched on before these local settings are made: {missing}."
            found.append(Finding("local settings", pack.id, says))
    return found


def _places(unit: Unit, partnership_id: str, pack: Pack) -> list[ArrangementView]:
    """The running arrangements whose rules the pack has: those of another nation's law are none of them."""
    return [
        one
        for one in memberships.arrangements(unit, partnership_id)
        if one.current and pack.covers(one.kind, one.jurisdiction)
    ]


def _missing(unit: Unit, partnership_id: str, pack: Pack, places: Iterable[ArrangementView]) -> Iterable[str]:
    """The needs that are not met in each of the places. One that the register doesn't know is never met."""
    for place in places:
        for need in pack.needs:
            if need == _COORDINATOR:
                found = authorities.who_may_decide(
                    unit, partnership_id, Role.MAPPA_COORDINATOR.value, place.arrangement_id
                )
                if not found:
                    yield need
            elif need not in _SETTINGS or _SETTINGS[need] in place.missing:
                yield need
