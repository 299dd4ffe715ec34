"""Enums, the TOML and the published vocabulary are the same words, and nobody declares in their own favour."""

from __future__ import annotations

import yaml

from gateway.vocabulary import ENUMS, Category, Declarer, Origin, vocabulary
from tests.shared import shared_path


def test_enums_and_toml_are_the_same_words() -> None:
    for attribute, enum in ENUMS.items():
        assert [term.value for term in enum] == list(vocabulary().terms(attribute)), attribute


def test_every_term_has_a_label_in_words() -> None:
    for attribute in ENUMS:
        for term, label in vocabulary().choices(attribute):
            assert label.strip(), (attribute, term)
            assert "_" not in label, (attribute, term)


def test_the_published_terms_are_all_here_with_their_sensitivity() -> None:
    published = yaml.safe_load(shared_path("domain/vocabulary.yaml").read_text(encoding="utf-8"))
    for entry in published["categories"]:
        assert vocabulary().categories[Category(entry["id"])].sensitivity.value == entry["sensitivity"]
    enums = yaml.safe_load(shared_path("domain/scenarios.yaml").read_text(encoding="utf-8"))["enums"]
    names = {"gateway": "power", "consent": "consent_status", "risk": "risk_level"}
    for attribute, terms in enums.items():
        if names.get(attribute, attribute) in ENUMS:
            assert set(terms) <= set(vocabulary().terms(names.get(attribute, attribute))), attribute


def test_origins_are_as_published() -> None:
    meta = yaml.safe_load(shared_path("domain/scenarios.yaml").read_text(encoding="utf-8"))["meta"]
    for origin, circumstances in meta["circumstance_origin"].items():
        for circumstance in circumstances:
            term = next(t for c, t in vocabulary().circumstances.items() if c == circumstance)
            assert origin.startswith(term.origin.value), circumstance


def test_what_loosens_is_never_declared_by_whoever_asks_except_in_an_emergency() -> None:
    for circumstance, term in vocabulary().circumstances.items():
        assert (term.origin is Origin.DECLARED) == bool(term.declared_by), circumstance
        if term.loosens and Declarer.REQUESTER in term.declared_by:
            assert circumstance == "imminent_threat_to_life"
            assert term.reviewed


def test_every_default_basis_names_known_terms() -> None:
    for body in vocabulary().terms("agency_type"):
        for power in vocabulary().terms("power"):
            found = vocabulary().default_basis(body, power)
            assert found is None or found.source
