"""What an import would widen counts once an officer who governs approved it as she read it; what narrows, at once."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from sqlmodel import col, select

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.ledger.models import LedgerRecord
from gateway.registry import differences, models, offers, people, proposals, seconds, subject_changes
from gateway.registry.models import ProposalState
from gateway.registry.offers import Offered
from gateway.store.unit_of_work import Unit
from tests.registry.sample import Sample

IDENTITY = '  sub = "8f1c2b"\n'
SECOND = (
    '  [[people.identities]]\n  issuer = "https://sign-in.police.brackenvale.example"\n  sub = "made-up"\n'
)
POST = '  role = "idva"\n'
GOVERNOR = """
[[people]]
key = "p-106"
name = "Second Officer"
  [[people.posts]]
  key = "office-ig-2"
  agency = "police"
  role = "ig_officer"
  face = "governance"
  orientation = "neutral"
  governs = true
  starts_on = 2024-01-08
"""
# What an operator could give alone, by the words of the file that would give it.
LOOSENS = {
    "a sign-in": (IDENTITY, IDENTITY + SECOND),
    "a post": ("[[arrangements]]\n", GOVERNOR + "\n[[arrangements]]\n"),
    "a role": (POST, '  role = "social_worker"\n'),
    "whom she works with": ('orientation = "perpetrator_facing"', 'orientation = "victim_facing"'),
    "an authority": ("ends_on = 2027-03-31", "ends_on = 2028-03-31"),
    "a standing": ('standing = "associate"', 'standing = "responsible_authority"'),
    "a longer membership": ("ends_on = 2027-04-30", "ends_on = 2029-04-30"),
    "training": ("trained_until = 2027-05-31", "trained_until = 2029-05-31"),
    "where a notice goes": ("i.okafor@police", "somebody.else@police"),
    "a provider": ("sign-in.police.brackenvale.example\"\n  client_id", 'sign-in.elsewhere.example"\n  client_id'),
    "a case": ('level = 2\n', "level = 3\n"),
    "a role in a case": ('role = "victim"', 'role = "witness"'),
    "a way to reach her": ("confirmed_on = 2026-11-02", "confirmed_on = 2026-11-20"),
    "no officer who governs": ("  governs = true\n", ""),
}  # fmt: skip
WALL = """  [[subjects.walls]]
  kind = "exclude"
  agency = "police"
  reason = "Her brother-in-law works for them."
  placed_by = "harbour-idva-1"
"""
ALLOW = WALL.replace("exclude", "allow_only")
AFTER_WALLS = '  placed_by = "harbour-idva-1"\n\n[[cases]]'
TIGHTENS = {
    "a post ends": ('role = "idva"\n', 'role = "idva"\n  ends_on = 2026-11-30\n'),
    "an authority ends sooner": ("ends_on = 2027-03-31", "ends_on = 2026-11-30"),
    "a membership ends": ("ends_on = 2027-04-30", "ends_on = 2026-11-30"),
    "training lapses": ("trained_until = 2027-05-31", "trained_until = 2026-11-01"),
    "a wall": (AFTER_WALLS, AFTER_WALLS.replace("\n\n", "\n" + WALL + "\n")),
    "an allow-only list": (AFTER_WALLS, AFTER_WALLS.replace("\n\n", "\n" + ALLOW + "\n")),
    "a disputed role": ('role = "victim"', 'role = "victim"\n  disputed = true'),
    "a case closes": ("opened_on = 2026-05-11", "opened_on = 2026-05-11\nclosed_on = 2026-11-21"),
}


def put(example: str, change: tuple[str, str]) -> str:
    """The example with one thing changed."""
    old, new = change
    assert old in example, "the example was changed"
    return example.replace(old, new, 1)


def offered(sample: Sample, text: str) -> Offered:
    return offers.offer_import(sample.store, text)


def waiting(sample: Sample, text: str) -> str:
    """The id of the proposal that a file becomes."""
    found = offered(sample, text)
    assert not found.acted
    assert found.proposal is not None
    return found.proposal.proposal_id


def of_register(sample: Sample) -> list[tuple[str, ...]]:
    """Everything that an import writes, but proposals."""
    tables = (models.SignInIdentity, models.Post, models.PostAuthority, models.Membership, models.Person)
    more = (models.Agency, models.IdentityProvider, models.Case, models.CaseSubject, models.SafeContact)
    with sample.reading() as unit:
        return [
            tuple(map(str, row.model_dump().values()))
            for table in (*tables, *more)
            for row in unit.session.exec(select(table).order_by(col(table.id)))
        ]


def entries(sample: Sample, kind: str) -> list[str]:
    with sample.reading() as unit:
        return [row.record for row in unit.session.exec(select(LedgerRecord)) if row.kind == kind]


def governor(sample: Sample, agency: str = "police", code: str = "second") -> None:
    """A second officer who governs."""
    with sample.writing() as unit:
        person = models.Person(partnership_id=sample.partnership_id, code=f"p-{code}", name="Owain Tester")
        unit.session.add(person)
        unit.session.flush()
        like = unit.session.get_one(models.Post, sample.id("post", "office-ig-1"))
        kept = like.model_dump(exclude={"id", "code", "person_id", "agency_id", "created_at"})
        post = models.Post(**kept, code=code, person_id=person.id, agency_id=sample.id("agency", agency))
        unit.session.add(post)
        unit.session.flush()
        sample.add("post", code, post.id)


def approve(sample: Sample, by: str, proposal_id: str) -> bool:
    with sample.writing() as unit:
        return proposals.approve(unit, sample.actor(unit, by), proposal_id)


@pytest.mark.parametrize("what", LOOSENS)
def test_what_an_import_widens_waits_and_counts_once_approved(
    sample: Sample, example: str, what: str
) -> None:
    governor(sample)
    before = of_register(sample)
    text = put(example, LOOSENS[what])
    proposal_id = waiting(sample, text)
    assert of_register(sample) == before
    [said] = entries(sample, "register.proposed")
    assert hashlib.sha256(text.encode()).hexdigest() in said
    by = "second" if what == "no officer who governs" else "office-ig-1"
    with sample.reading() as unit:
        _, rows = proposals.proposal(unit, sample.actor(unit, by), proposal_id)
    assert any(row.loosens and row.which and row.says for row in rows)
    assert approve(sample, by, proposal_id)
    assert of_register(sample) != before
    assert offered(sample, text).differences == ()
    [done] = entries(sample, "register.approved")
    assert sample.id("post", by) in done
    assert hashlib.sha256(text.encode()).hexdigest() in done


def test_it_waits_and_is_done_on_both_stores(either: Sample, example: str) -> None:
    text = put(example, LOOSENS["a sign-in"])
    before = of_register(either)
    proposal_id = waiting(either, text)
    assert of_register(either) == before
    assert approve(either, "office-ig-1", proposal_id)
    assert of_register(either) != before


@pytest.mark.parametrize("what", TIGHTENS)
def test_what_only_narrows_acts_at_once_and_is_looked_at(sample: Sample, example: str, what: str) -> None:
    found = offered(sample, put(example, TIGHTENS[what]))
    assert found.acted
    assert found.differences
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        [one] = proposals.to_answer(unit, officer)
        assert one.state is ProposalState.TO_REVIEW
        proposals.review(unit, officer, one.proposal_id)
        assert proposals.to_answer(unit, officer) == []
    assert len(entries(sample, "register.reviewed")) == 1


def test_a_name_more_on_an_allow_only_list_waits(sample: Sample, example: str) -> None:
    first = put(example, TIGHTENS["an allow-only list"])
    assert offered(sample, first).acted
    more = put(
        first, (AFTER_WALLS, AFTER_WALLS.replace("\n\n", "\n" + ALLOW.replace("police", "probation") + "\n"))
    )
    assert not offered(sample, more).acted


def test_what_narrows_waits_with_what_widens_in_one_file(sample: Sample, example: str) -> None:
    text = put(put(example, TIGHTENS["a post ends"]), LOOSENS["training"])
    found = offered(sample, text)
    assert not found.acted
    assert {row.loosens for row in found.differences} == {True, False}


def test_what_narrows_may_go_ahead_of_the_file_that_waits(sample: Sample, example: str) -> None:
    narrower = put(example, TIGHTENS["a post ends"])
    proposal_id = waiting(sample, put(narrower, LOOSENS["training"]))
    assert offered(sample, narrower).acted
    assert approve(sample, "office-ig-1", proposal_id)


def test_a_register_without_an_officer_who_governs_is_imported_at_once(
    gateway: Gateway, example: str
) -> None:
    """The beginning: nobody is there to approve; from then on somebody is."""
    bare = example.replace("  governs = true\n", "")
    first = offers.offer_import(gateway.store, bare)
    again = offers.offer_import(gateway.store, example)
    assert (first.acted, first.governed, again.acted) == (True, False, True)
    assert not offers.offer_import(gateway.store, put(example, LOOSENS["training"])).acted


def test_ending_every_officer_who_governs_does_not_begin_anew(sample: Sample, example: str) -> None:
    with sample.writing() as unit:
        people.end_post_as_operator(unit, "brackenvale", "office-ig-1", "She left the office.")
    governed_no_more = put(example, LOOSENS["training"])
    assert not offered(sample, governed_no_more).acted


def test_where_nobody_governs_any_more_two_officers_of_two_agencies_approve(
    sample: Sample, example: str
) -> None:
    governor(sample, "probation", "probation-ig")
    governor(sample, "probation", "probation-ig-2")
    with sample.writing() as unit:
        people.end_post_as_operator(unit, "brackenvale", "office-ig-1", "She left the office.")
        for code in ("probation-ig", "probation-ig-2"):
            unit.session.get_one(models.Post, sample.id("post", code)).governs = False
    before = of_register(sample)
    proposal_id = waiting(sample, put(example, LOOSENS["training"]))
    assert not approve(sample, "probation-ig", proposal_id)
    assert of_register(sample) == before
    for by in ("probation-ig", "probation-ig-2"):
        with pytest.raises(Forbidden):
            approve(sample, by, proposal_id)
    assert approve(sample, "police-ig-1", proposal_id)
    assert of_register(sample) != before


@pytest.mark.parametrize("gain", ["post", "agency", "second post"])
def test_nobody_approves_what_she_or_her_agency_gains_by(sample: Sample, example: str, gain: str) -> None:
    governor(sample, "harbour")
    if gain == "post":
        change = (  # the officer's own training
            'name = "Asta Brannigan"\ntrained_until = 2027-01-31',
            'name = "Asta Brannigan"\ntrained_until = 2029-01-31',
        )
    else:
        change = ("ends_on = 2027-04-30", "ends_on = 2029-04-30")  # Harbour's membership
    gainer, other = ("office-ig-1", "second") if gain == "post" else ("second", "office-ig-1")
    if gain == "second post":
        governor(sample, "police", "another")
        with sample.writing() as unit:
            second = unit.session.get_one(models.Post, sample.id("post", "second"))
            another = unit.session.get_one(models.Post, sample.id("post", "another"))
            another.person_id = second.person_id
        gainer = "another"
    proposal_id = waiting(sample, put(example, change))
    with pytest.raises(Forbidden):
        approve(sample, gainer, proposal_id)
    with sample.reading() as unit:
        found, _ = proposals.proposal(unit, sample.actor(unit, other), proposal_id)
        names = " ".join(found.approvers.values())
    assert ("Owain" in names, "Asta" in names) == (other == "second", other == "office-ig-1")
    assert approve(sample, other, proposal_id)


def test_only_who_governs_sees_or_answers_what_waits(sample: Sample, example: str) -> None:
    proposal_id = waiting(sample, put(example, LOOSENS["training"]))
    for by in ("police-ig-1", "police-ppu-1"):
        with sample.writing() as unit:
            actor = sample.actor(unit, by)
            assert proposals.proposals(unit, actor) == []
            for verb in (proposals.proposal, proposals.approve, proposals.refuse):
                with pytest.raises(NotFound):
                    verb(unit, actor, proposal_id)


def test_a_refused_or_lapsed_import_changes_nothing_and_its_words_are_gone(
    sample: Sample, example: str, clock: FixedClock
) -> None:
    before = of_register(sample)
    refused, lapsed = (waiting(sample, put(example, LOOSENS[what])) for what in ("training", "a case"))
    with sample.writing() as unit:
        proposals.refuse(unit, sample.actor(unit, "office-ig-1"), refused)
    clock.advance(proposals.WAITS_FOR + timedelta(minutes=1))
    for gone in (refused, lapsed):
        with pytest.raises(Conflict):
            approve(sample, "office-ig-1", gone)
    with sample.writing() as unit:
        assert proposals.purge_expired(unit) == 1
        rows = unit.session.exec(select(models.RegisterProposal)).all()
        assert {(row.content, row.difference) for row in rows} == {(None, None)}
        assert {row.state for row in rows} == {ProposalState.REFUSED, ProposalState.EXPIRED}
    assert of_register(sample) == before


def test_what_would_now_do_something_else_is_not_done(sample: Sample, example: str) -> None:
    """The register moved on after she was shown what would change: nothing of it is done."""
    longer, ended = put(example, LOOSENS["training"]), put(example, LOOSENS["an authority"])
    first, second = waiting(sample, longer), waiting(sample, ended)
    with sample.writing() as unit:
        person = unit.session.get_one(models.Person, sample.id("person", "p-103"))
        person.trained_until = date(2026, 12, 1)
    before = of_register(sample)
    for one in (first, second):
        with pytest.raises(Conflict, match="has changed since"):
            approve(sample, "office-ig-1", one)
    assert of_register(sample) == before


def test_a_file_that_no_longer_fits_is_refused_in_a_sentence(sample: Sample, example: str) -> None:
    proposal_id = waiting(sample, put(example, LOOSENS["training"]))
    with sample.writing() as unit:
        gone = unit.session.get_one(models.Post, sample.id("post", "harbour-idva-1"))
        gone.person_id = sample.id("person", "p-101")
    with pytest.raises(Conflict, match="has changed since"):
        approve(sample, "office-ig-1", proposal_id)


def test_today_in_a_file_is_the_day_it_was_proposed(sample: Sample, example: str, clock: FixedClock) -> None:
    text = put(example, ("trained_until = 2027-05-31", 'trained_until = "today+900"'))
    proposal_id = waiting(sample, text)
    clock.advance(timedelta(days=3))
    assert approve(sample, "office-ig-1", proposal_id)


def test_the_same_file_waits_once(sample: Sample, example: str) -> None:
    text = put(example, LOOSENS["training"])
    assert waiting(sample, text) == waiting(sample, text)


def test_what_waits_is_sealed_and_an_erasure_takes_it_too(sample: Sample, example: str) -> None:
    proposal_id = waiting(sample, put(example, LOOSENS["training"]))
    with sample.writing() as unit:
        row = unit.session.get_one(models.RegisterProposal, proposal_id)
        stored = (row.content or b"") + (row.difference or b"")
        assert stored
        assert b"Mirela" not in stored
        assert b"Rhian" not in stored
        officer = sample.actor(unit, "police-ig-1")
        subject = unit.session.get_one(models.Subject, sample.id("subject", "s-2002"))
        subject.controller_agency_id = officer.agency_id
        unit.session.flush()
        subject_changes.erase(unit, officer, subject.id, "She asked us to erase it.")
        assert row.content is None


def test_who_a_person_is_stays_out_of_the_words(sample: Sample, example: str) -> None:
    another = """
[[subjects]]
key = "s-2003"
controller = "harbour"
name = "Ottoline Invented"
born_on = 1990-01-02
postcode = "BV4 2QT"
"""
    found = offered(sample, put(example, ("[[cases]]\n", another + "\n[[cases]]\n")))
    assert not found.acted
    assert [row.which for row in found.differences] == ["s-2003"]
    assert "Ottoline" not in repr(found.differences)


def test_an_admission_waits_for_another_officer_who_governs(sample: Sample) -> None:
    governor(sample)
    governor(sample, "harbour", "of-harbour")

    def members(unit: Unit) -> int:
        return len(unit.session.exec(select(models.Membership)).all())

    with sample.writing() as unit:
        officer, before = sample.actor(unit, "office-ig-1"), members(unit)
        proposal_id = offers.offer_admission(
            unit,
            officer,
            sample.id("arrangement", "mappa"),
            sample.id("agency", "harbour"),
            standing="associate",
            authority="Agreement of 1 December 2026",
            signatory=True,
            starts_on=date(2026, 12, 1),
            ends_on=None,
        )
        assert members(unit) == before
        assert proposals.to_answer(unit, officer) == []
        assert len(proposals.to_answer(unit, sample.actor(unit, "second"))) == 1
    for by in ("office-ig-1", "of-harbour"):
        with pytest.raises(Forbidden):
            approve(sample, by, proposal_id)
    assert approve(sample, "second", proposal_id)
    with sample.reading() as unit:
        assert members(unit) == before + 1
    with pytest.raises(Conflict):
        approve(sample, "second", proposal_id)


def test_one_officer_who_governs_alone_is_told_what_to_do(sample: Sample, example: str) -> None:
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        proposal_id = offers.offer_admission(
            unit,
            officer,
            sample.id("arrangement", "mappa"),
            sample.id("agency", "harbour"),
            standing="associate",
            authority="Agreement of 1 December 2026",
            signatory=True,
            starts_on=date(2026, 12, 1),
            ends_on=None,
        )
        found, _ = proposals.proposal(unit, officer, proposal_id)
        assert found.stuck
        assert [one.proposal_id for one in proposals.to_answer(unit, officer)] == [proposal_id]
    approve(sample, "office-ig-1", waiting(sample, put(example, LOOSENS["a post"])))
    with sample.reading() as unit:
        made = unit.session.exec(select(models.Post).where(models.Post.code == "office-ig-2")).one()
        sample.add("post", "office-ig-2", made.id)
    assert approve(sample, "office-ig-2", proposal_id)


CONTROLS = {
    "an import acts whatever it does": (differences.__dict__, "loosens", lambda _: False),
    "nobody is thought to govern": (seconds.__dict__, "governed", lambda _: set()),
}


@pytest.mark.parametrize("fault", CONTROLS)
def test_the_control_the_fault_is_found(
    sample: Sample, example: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    place, name, instead = CONTROLS[fault]
    monkeypatch.setitem(place, name, instead)
    before = of_register(sample)
    assert offered(sample, put(example, LOOSENS["a sign-in"])).acted
    assert of_register(sample) != before


def test_the_control_an_approval_that_asks_nobody_is_found(
    sample: Sample, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seconds, "must_be_one", lambda *_: None)
    own = (
        'name = "Asta Brannigan"\ntrained_until = 2027-01-31',
        'name = "Asta Brannigan"\ntrained_until = 2029-01-31',
    )
    assert approve(sample, "office-ig-1", waiting(sample, put(example, own)))
