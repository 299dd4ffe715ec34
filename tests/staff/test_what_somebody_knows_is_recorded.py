"""What people on a case know reaches decisions by a page: a fresh assessment, a conflict of interest."""

from __future__ import annotations

from gateway.registry import risks
from tests.staff.conftest import Place
from tests.staff.steps import put
from tests.web.pages import Web

ASSESSED = {
    "level": "very_high",
    "tool": "OASys",
    "basis": "judgement",
    "assessed_on-day": "21",
    "assessed_on-month": "11",
    "assessed_on-year": "2026",
}


def _page(web: Web, text: str) -> str:
    return str(web.page("/staff/").links()[text])


def test_somebody_on_the_case_records_a_fresh_assessment(later: Place) -> None:
    world, web = later.world, later.web()
    about = f"{world.case}.{world.meadow.perpetrator}"
    web.sign_in(world.asker)
    form = web.page(_page(web, "Record a risk assessment"))
    for wrong in ({"dash_ticks": "99"}, {"dash_ticks": "-1"}, {"assessed_on-day": "30"}):
        web.submit(form, {**ASSESSED, "about": about, **wrong}, status=422)
    after = web.submit(form, {**ASSESSED, "about": about})
    assert "The assessment was recorded." in after.text
    with later.gateway.store.reading() as unit:
        newest = risks.latest_risk(unit, world.case, world.meadow.perpetrator)
    assert newest is not None
    assert (newest.level, newest.assessed_by_post_id) == ("very_high", world.asker)


def test_only_people_on_a_case_find_anybody_to_assess(web: Web, place: Place) -> None:
    world = place.world
    web.sign_in(world.outsider)
    for page in ("risk", "conflict"):
        assert "You are on no case" in web.page(f"/staff/known/{page}").text


def test_who_knows_the_person_says_so_and_is_sent_nothing_any_more(later: Place) -> None:
    world, web = later.world, later.web()
    web.sign_in(world.asker)
    before = put(later.gateway, world)
    assert "may be shared" in web.page(f"/staff/requests/{before}/decision").text
    form = web.page(_page(web, "Say that you know somebody in a case"))
    about = f"{world.case}.{world.meadow.perpetrator}"
    web.submit(form, {"about": about, "reason": "He is my brother-in-law."})
    after = put(later.gateway, world)
    assert "This was not shared." in web.page(f"/staff/requests/{after}/decision").text
