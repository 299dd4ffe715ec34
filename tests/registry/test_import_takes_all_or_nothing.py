"""An import takes all of a file or nothing, names each problem by its line, and changes nothing the second time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.registry import facts, models
from gateway.registry.exporting import export_register
from gateway.registry.importing import Change, RegisterRefused, Report, import_register
from gateway.registry.offers import foresee_import
from gateway.registry.subjects import identity_of
from gateway.registry.toml_lines import read
from gateway.store.unit_of_work import Store
from tests.registry.sample import Sample


def rehearse(store: Store, text: str) -> Report:
    """What an import would change."""
    return foresee_import(store, text).report


PEOPLE_TABLES = (models.Agency, models.Person, models.Post, models.Subject, models.Case, models.Wall)


def test_the_documented_example_is_imported_whole(either: Sample) -> None:
    sample = either
    with sample.reading() as unit:
        counts = {table.__name__: len(unit.session.exec(select(table)).all()) for table in PEOPLE_TABLES}
        named = identity_of(unit, sample.id("subject", "s-2001")).name
    assert counts == {"Agency": 4, "Person": 5, "Post": 6, "Subject": 2, "Case": 1, "Wall": 2}
    assert named == "Corin Hale"


def test_the_same_file_twice_changes_nothing(either: Sample, example: str) -> None:
    sample = either
    with sample.writing() as unit:
        assert import_register(unit, example).changes == []


def test_checking_says_what_would_change_and_changes_nothing(sample: Sample, example: str) -> None:
    changed = example.replace('name = "Brackenvale Probation"', 'name = "Brackenvale Probation Service"')
    report = rehearse(sample.store, changed)
    assert report.changes == [Change("agency", "probation", new=False, fields=("name",))]
    with sample.reading() as unit:
        assert (
            unit.session.get_one(models.Agency, sample.id("agency", "probation")).name
            == "Brackenvale Probation"
        )


def test_one_problem_on_the_last_line_leaves_the_store_empty(gateway: Gateway, example: str) -> None:
    broken = example.replace('recorded_by = "harbour-idva-1"', 'recorded_by = "nobody"')
    with pytest.raises(RegisterRefused), gateway.store.writing() as unit:
        import_register(unit, broken)
    with gateway.store.reading() as unit:
        assert unit.session.exec(select(models.Partnership)).all() == []
        assert unit.session.exec(select(models.Subject)).all() == []


@pytest.mark.parametrize(
    ("old", "new", "entity", "said"),
    [
        ('type = "probation"', 'type = "probatoin"', "agencies probation, type", "isn't known"),
        ('"harbour"\n  role', '"harbor"\n  role', "people p-103, posts harbour-idva-1, agency", "no agency"),
        ("level = 2", "level = 7", "cases M2-0417, level", "less than or equal to 3"),
        ("opened_on = 2026-05-11", 'opened_on = "soon"', "cases M2-0417, opened_on", "isn't a date"),
        ('key = "s-2001"\n', 'key = "s 2001"\n', "subjects s 2001, key", "can't be written so"),
        ('method = "through the advocate"\n', "", "subjects s-2002, safe_contact, method", "is missing"),
        ('tool = "OASys"', 'colour = "red"', "cases M2-0417, risks s-2001, colour", "isn't known here"),
        ('approved_by = "police-ig-1"', 'approved_by = "office-ig-1"', "people p-102, posts", "three people"),
        ('"health_record_online_access"', '"originator_agreed"', "facts originator_agreed", "another person"),
        ('"health_record_online_access"', '"training_lapsed"', "facts training_lapsed", "worked out"),
        ('pnc_id = "84/123456K"', 'pnc_id = "///"', "subjects s-2001", "nothing to match by"),
        (
            'role = "idva"\n',
            'role = "idva"\n  governs = true\n',
            "people p-103, posts harbour-idva-1",
            "Only a",
        ),
    ],
)
def test_each_problem_names_its_line_and_a_remedy(
    sqlite_gateway: Gateway, example: str, old: str, new: str, entity: str, said: str
) -> None:
    assert example.count(old) == 1, "the example was changed"
    broken = example.replace(old, new)
    with pytest.raises(RegisterRefused) as refused:
        rehearse(sqlite_gateway.store, broken)
    assert any(
        problem.entity.startswith(entity) and said in problem.message and problem.remedy and problem.line > 1
        for problem in refused.value.problems
    ), refused.value.problems


def test_a_problem_stands_on_the_very_line(sqlite_gateway: Gateway, example: str) -> None:
    broken = example.replace('face = "governance"', 'face = "keeper"', 1)
    with pytest.raises(RegisterRefused) as refused:
        rehearse(sqlite_gateway.store, broken)
    lines = [number for number, line in enumerate(broken.splitlines(), 1) if "keeper" in line]
    assert [problem.line for problem in refused.value.problems] == lines, refused.value.problems


def test_what_is_no_toml_is_refused_with_its_line(sqlite_gateway: Gateway) -> None:
    with pytest.raises(RegisterRefused) as refused:
        rehearse(sqlite_gateway.store, 'format = 1\n\n[partnership\ncode = "x"\n')
    assert refused.value.problems[0].line == 3


def test_all_problems_are_said_at_once(sqlite_gateway: Gateway, example: str) -> None:
    broken = example.replace('chair = "probation-chair"', 'chair = "gone"').replace(
        'lead_agency = "probation"', 'lead_agency = "gone"'
    )
    with pytest.raises(RegisterRefused) as refused:
        rehearse(sqlite_gateway.store, broken)
    assert [problem.entity.split(",")[0] for problem in refused.value.problems] == [
        "arrangements mappa",
        "cases M2-0417",
    ]


def test_a_file_cannot_rewrite_who_somebody_is(sample: Sample, example: str) -> None:
    with pytest.raises(RegisterRefused, match="1 problem"):
        rehearse(sample.store, example.replace("1989-07-02", "1990-07-02"))


def test_a_file_cannot_raise_a_wall_again_that_two_officers_lifted(sample: Sample, example: str) -> None:
    with sample.writing() as unit:
        for wall in unit.session.exec(select(models.Wall)):
            wall.lifted_at = unit.now
            unit.session.add(wall)
    assert rehearse(sample.store, example).changes == []


def test_an_export_is_a_file_that_changes_nothing_and_holds_nothing_sealed(either: Sample) -> None:
    sample = either
    with sample.reading() as unit:
        text = export_register(unit, "brackenvale")
    assert rehearse(sample.store, text).changes == []
    for sealed in ("Corin", "Mirela", "A1234BC", "Harbour duty line", "sister-in-law", "password"):
        assert sealed not in text


def test_an_export_leaves_out_what_waits_for_a_second_person(sample: Sample) -> None:
    with sample.writing() as unit:
        facts.record(
            unit,
            sample.actor(unit, "police-ig-1"),
            circumstance="originator_agreed",
            reason="They told me so on the telephone.",
            case_id=sample.id("case", "M2-0417"),
        )
        facts.record(
            unit,
            sample.actor(unit, "police-ig-1"),
            circumstance="conflict_suspected",
            reason="Somebody saw them together.",
            case_id=sample.id("case", "M2-0417"),
        )
        text = export_register(unit, "brackenvale")
    assert "originator_agreed" not in text
    assert "conflict_suspected" in text
    assert rehearse(sample.store, text).changes == []


_TEXT = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)


@given(
    st.lists(
        st.tuples(_TEXT, st.integers(0, 3), st.sampled_from(['"', "'", '"""', "'''"])), min_size=1, max_size=6
    )
)
def test_every_value_of_a_file_is_found_on_its_line(rows: list[tuple[str, int, str]]) -> None:
    text, lines = "", {}
    for number, (value, blanks, quote) in enumerate(rows):
        text += "\n" * blanks + '# a comment with [[rows]] and = "\n'
        text += "[[rows]] # another\n"
        lines[number] = text.count("\n") + 1
        bare = "".join(c for c in value if c not in "\"'\\")
        filling = "\n" * blanks if len(quote) == 3 else ""
        text += f"  value = {quote}{filling}{bare}{quote}\n  list = [\n    1, # one\n    {{ a = 1, b = 'x' }},\n  ]\n"
    _, found = read(text)
    for number, line in lines.items():
        assert found["rows", number] == line - 1
        assert found["rows", number, "value"] == line
        shift = rows[number][1] if len(rows[number][2]) == 3 else 0
        assert found["rows", number, "list", 1, "b"] == line + shift + 3
