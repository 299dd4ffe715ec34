"""The words of the domain: every term that code, a rule or a register may use, and its label.

The terms live in ``policies/vocabulary.toml``; the enums name those that code mentions, and a test holds the two
equal. Nothing that is not listed can be decided upon.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.circumstances import Circumstance, Declarer, Obligation, Origin, Role, SpeaksFor
from gateway.terms import (
    AgeBand,
    AgencyType,
    Arrangement,
    Capacity,
    Category,
    ConfidenceBasis,
    ConsentStatus,
    DpCondition,
    DpRegime,
    Duty,
    Effect,
    Jurisdiction,
    Orientation,
    Outcome,
    Power,
    Purpose,
    RiskLevel,
    Sensitivity,
    Stage,
    SubjectRole,
)

__all__ = [
    "ENUMS",
    "AgeBand",
    "AgencyType",
    "Arrangement",
    "Capacity",
    "Category",
    "CategoryTerm",
    "Circumstance",
    "CircumstanceTerm",
    "ConfidenceBasis",
    "ConsentStatus",
    "Declarer",
    "DefaultBasis",
    "DpCondition",
    "DpRegime",
    "Duty",
    "Effect",
    "Jurisdiction",
    "Obligation",
    "ObligationTerm",
    "Orientation",
    "Origin",
    "Outcome",
    "Power",
    "PowerTerm",
    "Purpose",
    "RiskLevel",
    "Role",
    "RoleTerm",
    "Sensitivity",
    "SpeaksFor",
    "Stage",
    "SubjectRole",
    "Vocabulary",
    "policies_dir",
    "vocabulary",
]


ENUMS: Mapping[str, type[StrEnum]] = MappingProxyType(
    {
        "jurisdiction": Jurisdiction,
        "arrangement": Arrangement,
        "agency_type": AgencyType,
        "duty": Duty,
        "orientation": Orientation,
        "subject_role": SubjectRole,
        "age_band": AgeBand,
        "capacity": Capacity,
        "sensitivity": Sensitivity,
        "category": Category,
        "purpose": Purpose,
        "power": Power,
        "dp_regime": DpRegime,
        "dp_condition": DpCondition,
        "confidence_basis": ConfidenceBasis,
        "consent_status": ConsentStatus,
        "risk_level": RiskLevel,
        "outcome": Outcome,
        "effect": Effect,
        "stage": Stage,
        "origin": Origin,
        "declarer": Declarer,
        "circumstance": Circumstance,
        "obligation": Obligation,
        "role": Role,
    }
)


@dataclass(frozen=True)
class CategoryTerm:
    """A kind of information: its label, sensitivity class, data-protection regime and how to handle it."""

    label: str
    sensitivity: Sensitivity
    regime: str
    handling: str


@dataclass(frozen=True)
class CircumstanceTerm:
    """A circumstance: where it comes from, who may declare it, whether it loosens, whether it is a protected fact."""

    label: str
    origin: Origin
    declared_by: frozenset[Declarer]
    loosens: bool
    reviewed: bool
    protected: bool


@dataclass(frozen=True)
class ObligationTerm:
    """An obligation: ``kind`` is enforced, undertaken or task; ``owner`` and ``days`` belong to tasks and expiries."""

    label: str
    kind: str
    owner: str | None
    days: int | None
    default: bool
    protected: bool


@dataclass(frozen=True)
class RoleTerm:
    """A role of a post; ``authorises`` when decisions may be referred to it, ``said_as`` how guidance names it.

    ``speaks_for`` is the agency whose post decides in it; None where the role is the arrangement's.
    """

    label: str
    orientation: Orientation
    authorises: bool
    said_as: tuple[str, ...]
    speaks_for: SpeaksFor | None


@dataclass(frozen=True)
class PowerTerm:
    """A power or duty and the territory whose law it is (``UK`` and ``GB`` as well as the jurisdictions)."""

    label: str
    jurisdiction: str


@dataclass(frozen=True)
class DefaultBasis:
    """Suggested data-protection regime and condition, and confidence basis, with its source in law."""

    dp_regime: DpRegime
    dp_condition: DpCondition
    confidence_basis: ConfidenceBasis
    source: str


class Vocabulary:
    """The loaded vocabulary. Immutable; one per process through :func:`vocabulary`."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.categories = MappingProxyType({Category(k): _category(v) for k, v in raw["category"].items()})
        self.circumstances = MappingProxyType(
            {Circumstance(k): _circumstance(v) for k, v in raw["circumstance"].items()}
        )
        self.obligations = MappingProxyType(
            {Obligation(k): _obligation(v) for k, v in raw["obligation"].items()}
        )
        self.roles = MappingProxyType({Role(k): _role(v) for k, v in raw["role"].items()})
        self.powers = MappingProxyType(
            {Power(k): PowerTerm(v["label"], v["jurisdiction"]) for k, v in raw["power"].items()}
        )
        self.risk_order = MappingProxyType(
            {RiskLevel(k): int(v["order"]) for k, v in raw["risk_level"].items()}
        )
        self.default_obligations = frozenset(k for k, v in self.obligations.items() if v.default)

    def attributes(self) -> tuple[str, ...]:
        """Names of the term tables, such as ``category`` and ``purpose``."""
        return tuple(ENUMS)

    def terms(self, attribute: str) -> tuple[str, ...]:
        """Every term of one table, in its order. Raises KeyError for a table that is not there."""
        return tuple(self._raw[attribute])

    def knows(self, attribute: str, term: str) -> bool:
        """Whether ``term`` is a word of that table."""
        return term in self._raw.get(attribute, ())

    def label(self, attribute: str, term: str) -> str:
        """The label in words of a term. Raises KeyError when the term is unknown."""
        return str(self._raw[attribute][term]["label"])

    def choices(self, attribute: str) -> list[tuple[str, str]]:
        """Pairs of term and label, for a pick list."""
        return [(term, str(entry["label"])) for term, entry in self._raw[attribute].items()]

    def chair(self, arrangement: str) -> Role:
        """The role that chairs an arrangement, to whom its referrals go. Raises KeyError when it is unknown."""
        return Role(self._raw["arrangement"][arrangement]["chair"])

    def default_basis(self, body: str, power: str) -> DefaultBasis | None:
        """Sourced default for a holder of that agency type using that power, or None when there is none.

        Bodies listed in DPA 2018 Schedule 7 decide under Part 3, every other under UK GDPR.
        """
        entry = self._raw["default_basis"]["power"].get(power)
        if entry is None:
            return None
        regime = self._raw["default_basis"]["body"].get(
            body, {"dp_regime": "uk_gdpr", "source": "UK GDPR art 2"}
        )
        part3 = regime["dp_regime"] == DpRegime.PART3
        return DefaultBasis(
            DpRegime(regime["dp_regime"]),
            DpCondition(entry["part3_condition"] if part3 else entry["dp_condition"]),
            ConfidenceBasis(entry["confidence_basis"]),
            f"{entry['source']}; {regime['source']}",
        )


def _category(entry: Mapping[str, Any]) -> CategoryTerm:
    return CategoryTerm(entry["label"], Sensitivity(entry["sensitivity"]), entry["regime"], entry["handling"])


def _circumstance(entry: Mapping[str, Any]) -> CircumstanceTerm:
    return CircumstanceTerm(
        entry["label"],
        Origin(entry["origin"]),
        frozenset(Declarer(name) for name in entry.get("declared_by", ())),
        bool(entry.get("loosens", False)),
        bool(entry.get("reviewed", False)),
        bool(entry.get("protected", False)),
    )


def _obligation(entry: Mapping[str, Any]) -> ObligationTerm:
    return ObligationTerm(
        entry["label"],
        entry["kind"],
        entry.get("owner"),
        entry.get("days"),
        bool(entry.get("default", False)),
        bool(entry.get("protected", False)),
    )


def _role(entry: Mapping[str, Any]) -> RoleTerm:
    return RoleTerm(
        entry["label"],
        Orientation(entry["orientation"]),
        bool(entry.get("authorises", False)),
        tuple(entry.get("said_as", ())),
        SpeaksFor(entry["speaks_for"]) if "speaks_for" in entry else None,
    )


def policies_dir() -> Path:
    """Where the shipped policies lie: beside the package in a checkout, inside it when installed as a wheel."""
    package = Path(__file__).resolve().parent
    beside = package.parent / "policies"
    return beside if (beside / "core.toml").is_file() else package / "shipped" / "policies"


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of this installation. Raises OSError or ValueError when it cannot be read: nothing starts."""
    with (policies_dir() / "vocabulary.toml").open("rb") as file:
        return Vocabulary(tomllib.load(file))
