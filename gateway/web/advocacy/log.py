"""A client's log: the list, one entry, who holds copies, what can be taken away, and how to check it."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue

from gateway.ledger.verify import Verdict
from gateway.review import clients, concerns, copies, handing_out, restores
from gateway.review import log as logs
from gateway.review.clients import Client
from gateway.review.matters import IN_WORDS
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.advocacy.blueprint import blueprint
from gateway.web.advocacy.forms import FilterForm
from gateway.web.forms import page
from gateway.web.paging import SIZE, Paging, asked_page, offset_of

VIEWS = {"list": "List", "timeline": "Timeline"}


@blueprint.get("/")
@allow(Face.ADVOCACY)
def home() -> ResponseReturnValue:
    """The advocate's clients and the concerns that wait for an answer."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        mine = clients.my_clients(unit, actor)
        waiting = [one for one in concerns.mine(unit, actor) if one.answered_at is None]
    return page("advocacy/home.html", clients=mine, waiting=waiting)


@blueprint.get("/clients/<id:subject_id>/before")
@allow(Face.ADVOCACY)
def before(subject_id: str) -> ResponseReturnValue:
    """The page before the log is read together with the client: is it safe, and how to leave."""
    with current_gateway().store.reading() as unit:
        clients.client(unit, current_actor(), subject_id)
    return page("advocacy/before.html", subject_id=subject_id)


@blueprint.get("/clients/<id:subject_id>/log")
@allow(Face.ADVOCACY)
def log(subject_id: str) -> ResponseReturnValue:
    """The log of a client, as a list or a timeline, filtered."""
    filters, number = FilterForm(request.args), asked_page()
    oldest_first = request.args.get("order") == "oldest"
    verdict, restored = _checked(subject_id)
    with current_gateway().store.writing() as unit:
        found = logs.log(
            unit,
            current_actor(),
            subject_id,
            filters.chosen(),
            offset=offset_of(number),
            limit=SIZE,
            oldest_first=oldest_first,
        )
    filters.offer(found)
    return page(
        "advocacy/log.html",
        found=found,
        verdict=verdict,
        restored=restored,
        filters=filters,
        selected=_selected(filters),
        paging=Paging(found.entries, number, found.total),
        shown="timeline" if request.args.get("view") == "timeline" else "list",
        oldest_first=oldest_first,
        other_order=_address(order="" if oldest_first else "oldest", page=""),
        views=[(text, _address(view=name, page=""), name) for name, text in VIEWS.items()],
        together=_together(),
        matters=IN_WORDS,
    )


@blueprint.get("/clients/<id:subject_id>/log/<id:entry_id>")
@allow(Face.ADVOCACY)
def entry(subject_id: str, entry_id: str) -> ResponseReturnValue:
    """One entry in plain words."""
    with current_gateway().store.writing() as unit:
        client, told = logs.entry(unit, current_actor(), subject_id, entry_id)
        raised = [
            one
            for one in concerns.of_client(unit, current_actor(), subject_id)
            if one.about_entry_id == entry_id
        ]
    return page(
        "advocacy/entry.html", client=client, told=told, raised=raised, together=_together(), matters=IN_WORDS
    )


@blueprint.get("/clients/<id:subject_id>/copies")
@allow(Face.ADVOCACY)
def held_copies(subject_id: str) -> ResponseReturnValue:
    """Who holds copies about a client now."""
    with current_gateway().store.writing() as unit:
        client, held = copies.copies(unit, current_actor(), subject_id)
    return page("advocacy/copies.html", client=client, held=held, together=_together())


@blueprint.get("/clients/<id:subject_id>/log/<id:entry_id>/proof")
@allow(Face.ADVOCACY)
def proof(subject_id: str, entry_id: str) -> ResponseReturnValue:
    """The proof file of one entry; that it was taken is an entry."""
    with current_gateway().store.writing() as unit:
        text = handing_out.proof(unit, current_actor(), subject_id, entry_id)
    return _file(text, "text/plain", "entry.tlog-proof")


@blueprint.get("/clients/<id:subject_id>/openings")
@allow(Face.ADVOCACY)
def openings(subject_id: str) -> ResponseReturnValue:
    """The proofs of every entry of a client's log in one file; that they were taken is an entry."""
    with current_gateway().store.writing() as unit:
        text = handing_out.openings(unit, current_actor(), subject_id)
    return _file(text, "application/json", "openings.json")


@blueprint.get("/clients/<id:subject_id>/table")
@allow(Face.ADVOCACY)
def table(subject_id: str) -> ResponseReturnValue:
    """The log as CSV; that it was taken is an entry."""
    with current_gateway().store.writing() as unit:
        text = handing_out.as_csv(unit, current_actor(), subject_id, FilterForm(request.args).chosen())
    return _file(text, "text/csv", "list.csv")


@blueprint.get("/clients/<id:subject_id>/print")
@allow(Face.ADVOCACY)
def to_print(subject_id: str) -> ResponseReturnValue:
    """The whole log on one page, to print; that it was printed is an entry."""
    verdict, restored = _checked(subject_id)
    with current_gateway().store.writing() as unit:
        client, told = handing_out.to_print(
            unit, current_actor(), subject_id, FilterForm(request.args).chosen()
        )
    return page("advocacy/print.html", client=client, told=told, verdict=verdict, restored=restored)


@blueprint.get("/check")
@allow(Face.ADVOCACY)
def check() -> ResponseReturnValue:
    """How to check the log without trusting us."""
    with current_gateway().store.reading() as unit:
        mine = clients.my_clients(unit, current_actor())
        restored = restores.told(unit, current_actor())
    verdict = logs.verdict(current_gateway().store)
    return page("advocacy/check.html", verdict=verdict, restored=restored, clients=mine)


def _checked(subject_id: str) -> tuple[Verdict, str]:
    """What the gateway's own check of a client's log came to, and how the log began again, if it did."""
    with current_gateway().store.reading() as unit:
        client = clients.client(unit, current_actor(), subject_id)
        restored = restores.told(unit, current_actor())
    return logs.verdict(current_gateway().store, client), restored


def client_or_404(subject_id: str) -> Client:
    """The client of this advocate; raises NotFound otherwise."""
    with current_gateway().store.reading() as unit:
        return clients.client(unit, current_actor(), subject_id)


def _together() -> bool:
    """Whether the client reads along: then the page tells a passer-by nothing and has an exit."""
    return request.args.get("together") == "yes"


def _selected(filters: FilterForm) -> list[dict[str, object]]:
    dates = {
        "since": ("since-day", "since-month", "since-year"),
        "until": ("until-day", "until-month", "until-year"),
    }
    return [
        {
            "heading": filters[name].label.text,
            "tags": [
                {"text": words, "href": _address(**dict.fromkeys(dates.get(name, (name,)), ""), page="")}
            ],
        }
        for name, words in filters.described()
    ]


def _address(**changes: str) -> str:
    kept = {key: value for key, value in request.args.items() if key not in changes and value}
    given = {key: value for key, value in changes.items() if value}
    query = urlencode({**kept, **given})
    return f"{request.path}?{query}" if query else request.path


def _file(text: str, kind: str, name: str) -> Response:
    response = make_response(text)
    response.mimetype = kind
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
