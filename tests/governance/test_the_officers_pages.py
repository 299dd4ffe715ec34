"""Every page of the officer loads, filled and empty, says what to correct, and shows nobody else's things."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.registry import cases, models, people, subject_changes, wall_records
from tests.registry.sample import Sample
from tests.web.pages import Web

LISTS = (
    "/governance/",
    "/governance/agencies",
    "/governance/posts",
    "/governance/authorities",
    "/governance/undecidable",
    "/governance/arrangements",
    "/governance/cases",
    "/governance/subjects",
    "/governance/walls",
    "/governance/systems",
    "/governance/proposals",
    "/governance/decisions",
    "/governance/entries",
    "/governance/tasks",
    "/governance/overdue",
    "/governance/keys",
)
ONE_OF = {
    "agency": ("agencies/{}", "agencies/{}/answer-time"),
    "post": (
        "posts/{}",
        "posts/{}/end",
        "posts/{}/cover",
        "posts/{}/cover/agree",
        "posts/{}/back",
        "posts/{}/training",
        "posts/{}/authority",
        "posts/{}/system",
    ),
    "arrangement": ("arrangements/{}", "arrangements/{}/settings", "arrangements/{}/admit"),
    "case": ("cases/{}", "cases/{}/settle", "cases/{}/assign", "cases/{}/facts/new"),
    "subject": (
        "subjects/{}",
        "subjects/{}/merge",
        "subjects/{}/split",
        "subjects/{}/correct",
        "subjects/{}/erase",
        "subjects/{}/walls/new",
        "subjects/{}/walls/add",
    ),
}
KEYS = {
    "agency": "police",
    "post": "harbour-idva-1",
    "arrangement": "mappa",
    "case": "M2-0417",
    "subject": "s-2002",
}
EVERY = [(kind, path) for kind, paths in ONE_OF.items() for path in paths]
WORDS = "We checked it with the people concerned."


def officer(sample: Sample, web: Web, post: str = "office-ig-1") -> str:
    """Signs in as an officer."""
    post_id = sample.id("post", post)
    web.sign_in(post_id)
    return post_id


def test_every_list_loads_filled(sample: Sample, web: Web) -> None:
    officer(sample, web)
    for path in LISTS:
        assert web.page(path).h1


def test_every_list_loads_empty(sample: Sample, web: Web) -> None:
    with sample.writing() as unit:
        for table in (
            models.Wall,
            models.PostAuthority,
            models.CaseAssignment,
            models.RiskRating,
            models.CaseSubject,
        ):
            for row in unit.session.exec(select(table)):
                unit.session.delete(row)
        unit.session.flush()
        for fact in unit.session.exec(select(models.RegisteredFact)):
            unit.session.delete(fact)
        unit.session.flush()
        for case in unit.session.exec(select(models.Case)):
            unit.session.delete(case)
    officer(sample, web)
    for path in LISTS:
        assert web.page(path).h1


def test_every_page_about_one_thing_loads_and_names_nobody(sample: Sample, web: Web) -> None:
    officer(sample, web)
    for kind, path in EVERY:
        found = web.page("/governance/" + path.format(sample.id(kind, KEYS[kind])))
        for name in ("Mirela", "Corin", "Hale"):
            assert name not in found.title
            assert name not in found.path
            assert name not in found.text


def test_what_is_foreign_missing_or_not_hers_is_the_same_404(sample: Sample, web: Web) -> None:
    with sample.writing() as unit:
        unit.session.add(
            models.Partnership(
                id="e" * 32, partnership_id="e" * 32, code="elsewhere", name="Elsewhere", nation="scotland"
            )
        )
        unit.session.flush()
        unit.session.add(
            models.Agency(
                id="d" * 32, partnership_id="e" * 32, code="x", name="Elsewhere Police", agency_type="police"
            )
        )
        unit.session.flush()
        unit.session.add(
            models.Subject(id="c" * 32, partnership_id="e" * 32, reference="C", controller_agency_id="d" * 32)
        )
    officer(sample, web, "police-ig-1")
    theirs = sample.id("subject", "s-2002")
    bodies = {
        web.client.get(f"/governance/{path}").text.replace(path, "")
        for path in (
            f"subjects/{theirs}",
            f"subjects/{'c' * 32}",
            f"subjects/{'0' * 32}",
            f"subjects/{theirs}/who",
            f"posts/{sample.id('post', 'harbour-idva-1')}",
            f"posts/{'0' * 32}",
            f"agencies/{'d' * 32}",
            f"walls/{'0' * 32}",
            f"changes/{'0' * 32}",
            f"decisions/{'0' * 32}",
            f"memberships/{'0' * 32}/end",
            f"systems/{'0' * 32}",
        )
    }
    for path in (f"subjects/{theirs}", f"agencies/{'d' * 32}", f"decisions/{'0' * 32}"):
        assert web.client.get(f"/governance/{path}").status_code == 404
    assert len({body.count("<h1") for body in bodies}) == 1
    assert all("Page not found" in body for body in bodies)


def test_staff_and_advocates_do_not_come_in(sample: Sample, web: Web) -> None:
    officer(sample, web, "police-ppu-1")
    for path in LISTS:
        assert web.client.get(path).status_code == 403


def test_a_leaver_is_cut_from_the_page_of_her_post(sample: Sample, web: Web) -> None:
    officer(sample, web)
    post = sample.id("post", "police-ppu-1")
    shown = web.page(f"/governance/posts/{post}/end")
    refused = web.submit(shown, {"reason": ""}, status=422)
    assert "Give the reason" in refused.text
    short = web.submit(shown, {"reason": "left"}, status=422)
    assert "in a sentence" in short.text
    after = web.submit(shown, {"reason": "She left the force this morning."})
    assert "signed out everywhere" in after.text
    with sample.reading() as unit:
        assert not people.is_current(unit, post)


def test_the_session_of_a_leaver_is_over_at_the_next_request(sample: Sample, web: Web) -> None:
    post = officer(sample, web, "police-ig-1")
    web.page("/governance/")
    with sample.writing() as unit:
        people.end_post(unit, sample.actor(unit, "office-ig-1"), post, WORDS)
    assert web.client.get("/governance/").status_code == 302


def test_a_name_is_read_only_by_the_controllers_officer_and_recorded(sample: Sample, web: Web) -> None:
    from gateway.ledger.models import LedgerRecord

    subject = sample.id("subject", "s-2002")
    officer(sample, web)
    assert web.client.get(f"/governance/subjects/{subject}/who").status_code == 404
    with sample.writing() as unit:
        row = unit.session.get_one(models.Subject, subject)
        row.controller_agency_id = sample.id("agency", "office")
        before = len(unit.session.exec(select(LedgerRecord)).all())
    found = web.page(f"/governance/subjects/{subject}/who")
    assert "Mirela Hale" in found.text
    assert "Hale" not in found.title
    with sample.reading() as unit:
        assert len(unit.session.exec(select(LedgerRecord)).all()) == before + 1


def test_a_wall_is_raised_reviewed_and_lifted_by_two(sample: Sample, web: Web) -> None:
    subject = sample.id("subject", "s-2001")
    officer(sample, web)
    shown = web.page(f"/governance/subjects/{subject}/walls/new")
    assert "Choose what the wall should do" in web.submit(shown, {"reason": WORDS}, status=422).text
    assert "Name a person" in web.submit(shown, {"kind": "exclude", "reason": WORDS}, status=422).text
    web.submit(shown, {"kind": "exclude", "person_id": sample.id("person", "p-101"), "reason": WORDS})
    with sample.reading() as unit:
        wall = next(one for one in wall_records.walls(unit, sample.actor(unit, "office-ig-1"), subject))
    own = web.page(f"/governance/walls/{wall.wall_id}/review")
    assert web.client.post(own.path, data=_filled(own)).status_code == 403
    asked = web.page(f"/governance/walls/{wall.wall_id}/ask-lift")
    web.submit(asked, {"reason": WORDS})
    assert "Lifting is asked" in web.page(f"/governance/walls/{wall.wall_id}").text
    _second_officer(sample)
    officer(sample, web, "second")
    lifting = web.page(f"/governance/walls/{wall.wall_id}/lift")
    assert "The wall is lifted" in web.submit(lifting).text


def test_a_record_is_corrected_by_two_officers(sample: Sample, web: Web) -> None:
    subject = sample.id("subject", "s-2001")
    officer(sample, web)
    shown = web.page(f"/governance/subjects/{subject}/correct")
    assert "Enter a name" in web.submit(shown, {"reason": WORDS}, status=422).text
    born = {"born_on-day": "19", "born_on-month": "3", "born_on-year": "1985"}
    web.submit(shown, {"name": "Corin Hale", **born, "reason": WORDS})
    with sample.reading() as unit:
        change = subject_changes.changes(unit, sample.actor(unit, "office-ig-1"))[0]
    own = web.page(f"/governance/changes/{change.change_id}/approve")
    assert web.client.post(own.path, data=_filled(own)).status_code == 403
    _second_officer(sample)
    officer(sample, web, "second")
    assert "1985" not in web.page(f"/governance/changes/{change.change_id}").text
    done = web.submit(web.page(f"/governance/changes/{change.change_id}/approve"))
    assert "The record is changed" in done.text
    from gateway.registry.subjects import identity_of

    with sample.reading() as unit:
        assert str(identity_of(unit, subject).born_on) == "1985-03-19"


BAD_INPUT: list[tuple[str, dict[str, str], str]] = [
    ("posts/{post}/cover", {}, "Choose who stands in"),
    (
        "posts/{post}/training",
        {"trained_until-day": "31", "trained_until-month": "2"},
        "Enter a real date",
    ),
    ("posts/{post}/authority", {"role_code": "idva"}, "Enter the last day"),
    ("agencies/{agency}/answer-time", {"answers_within_days": "900"}, "from 1 to 60"),
    ("agencies/{agency}/answer-time", {"answers_within_days": "soon"}, "valid integer"),
    ("arrangements/{arrangement}/settings", {"retention_days": "-4"}, "1 or more"),
    ("arrangements/{arrangement}/admit", {}, "Choose an agency"),
    ("cases/{case}/assign", {}, "Choose a post"),
    ("cases/{case}/assign", {"post_id": "nobody"}, "Choose a current post"),
    (
        "cases/{case}/facts/new",
        {"circumstance": "training_lapsed", "reason": WORDS},
        "Choose one from the list",
    ),
    ("subjects/{subject}/merge", {}, "Choose a record"),
    ("subjects/{subject}/split", {"name": "X", "reason": WORDS}, "Choose at least one case"),
    ("subjects/{subject}/erase", {}, "Give the reason"),
]


def test_bad_input_names_the_field_and_the_remedy(sample: Sample, web: Web) -> None:
    officer(sample, web)
    ids = {kind: sample.id(kind, key) for kind, key in KEYS.items()}
    for path, data, said in BAD_INPUT:
        refused = web.submit(web.page("/governance/" + path.format(**ids)), data, status=422)
        assert said in refused.text, path
        assert refused.title.startswith("Error:"), path


def test_an_officer_settles_a_case_and_puts_somebody_on_it(sample: Sample, web: Web) -> None:
    officer(sample, web)
    case = sample.id("case", "M2-0417")
    shown = web.page(f"/governance/cases/{case}/settle")
    after = web.submit(shown, {"lead_agency_id": "", "level": "3"})
    assert "No lead agency is named" in after.text
    newcomer = sample.id("post", "probation-chair")
    web.submit(web.page(f"/governance/cases/{case}/assign"), {"post_id": newcomer})
    with sample.reading() as unit:
        assert cases.is_on_case(unit, case, newcomer)
        held = next(
            one
            for one in cases.assignments(unit, sample.actor(unit, "office-ig-1"), case)
            if one.post.post_id == newcomer
        )
    off = web.page(f"/governance/cases/{case}/assignments/{held.assignment_id}/end")
    web.submit(off)
    with sample.reading() as unit:
        assert not cases.is_on_case(unit, case, newcomer)


def test_something_known_is_recorded_and_ended_by_two(sample: Sample, web: Web) -> None:
    officer(sample, web)
    case = sample.id("case", "M2-0417")
    shown = web.page(f"/governance/cases/{case}/facts/new")
    data = {
        "circumstance": "conflict_suspected",
        "post_id": sample.id("post", "police-ppu-1"),
        "reason": WORDS,
    }
    after = web.submit(shown, data)
    ending = next(
        href for text, href in after.links().items() if text.startswith("End ") and "conflict" in text
    )
    assert "waits for a second officer" in web.submit(web.page(ending), {"reason": WORDS}).text
    own = web.page(ending)
    assert web.client.post(own.path, data={**_filled(own), "reason": WORDS}).status_code == 403
    _second_officer(sample)
    officer(sample, web, "second")
    assert "It has ended" in web.submit(web.page(ending), {"reason": WORDS}).text


def test_arrangements_are_kept(sample: Sample, web: Web) -> None:
    officer(sample, web)
    arrangement = sample.id("arrangement", "mappa")
    shown = web.page(f"/governance/arrangements/{arrangement}/settings")
    assert "saved" in web.submit(shown, {"retention_days": "365"}).text
    admitted = web.submit(
        web.page(f"/governance/arrangements/{arrangement}/admit"),
        {
            "agency_id": sample.id("agency", "harbour"),
            "standing": "associate",
            "authority": "Agreement of 1 December 2026",
            "signatory": "y",
            "starts_on-day": "1",
            "starts_on-month": "12",
            "starts_on-year": "2026",
        },
    )
    assert "It waits for another officer" in admitted.text
    assert "Agreement of 1 December 2026" not in admitted.text
    _second_officer(sample)
    officer(sample, web, "second")
    waiting = next(
        href for text, href in web.page("/governance/proposals").links().items() if "Admission" in text
    )
    assert "Agreement of 1 December 2026" in web.page(waiting).text
    assert "The register is changed" in web.submit(web.page(f"{waiting}/approve")).text
    admitted = web.page(f"/governance/arrangements/{arrangement}")
    assert "Agreement of 1 December 2026" in admitted.text
    ending = next(
        href for text, href in admitted.links().items() if "membership of Brackenvale Police" in text
    )
    assert "The membership has ended" in web.submit(web.page(ending), {"reason": WORDS}).text


def test_home_counts_what_waits(sample: Sample, web: Web) -> None:
    officer(sample, web)
    assert "Walls to look at" in web.page("/governance/").text
    with sample.writing() as unit:
        for wall in unit.session.exec(select(models.Wall)):
            wall.reviewed_at = unit.now
    assert "Nothing waits for you today" in web.page("/governance/").text


def _filled(shown: Any) -> dict[str, str]:
    from tests.web.pages import filled

    return dict(filled(shown.forms()[0]))


def _second_officer(sample: Sample) -> None:
    with sample.writing() as unit:
        person = models.Person(partnership_id=sample.partnership_id, code="p-900", name="Owain Tester")
        unit.session.add(person)
        unit.session.flush()
        post = models.Post(
            partnership_id=sample.partnership_id,
            code="second",
            person_id=person.id,
            agency_id=sample.id("agency", "office"),
            role="ig_officer",
            face="governance",
            orientation="neutral",
            governs=True,
            starts_on=unit.session.get_one(models.Post, sample.id("post", "office-ig-1")).starts_on,
        )
        unit.session.add(post)
        unit.session.flush()
        sample.add("post", "second", post.id)
