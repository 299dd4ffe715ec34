"""What the officer's pages are made of: lists with links, records with their acts, and confirming an act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flask import request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.store.unit_of_work import Unit
from gateway.web.forms import GatewayForm, page
from gateway.web.staff import acts

Cell = str | int | Markup | None

# Where each part of the register begins.
SECTIONS = (
    ("Agencies", "governance.agency_list"),
    ("People and posts", "governance.post_list"),
    ("Authorities", "governance.authority_list"),
    ("Arrangements", "governance.arrangement_list"),
    ("Cases", "governance.case_list"),
    ("People we hold records of", "governance.subject_list"),
    ("Walls", "governance.wall_list"),
    ("Systems", "governance.system_list"),
    ("Changes", "governance.proposal_list"),
)


@dataclass(frozen=True)
class Listing:
    """A table: its caption, the heads of its columns, its rows, and what is said when there are none."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    empty: str = "There is nothing here yet."


@dataclass(frozen=True)
class Act:
    """A way on from a record: a link, red when it takes something away."""

    text: str
    href: str
    hint: str = ""


def link(text: str, href: str, hidden: str = "") -> Markup:
    """A link, with words only for those who hear the page."""
    unseen = Markup('<span class="govuk-visually-hidden"> {}</span>').format(hidden) if hidden else ""
    return Markup('<a class="govuk-link" href="{}">{}{}</a>').format(href, text, unseen)


def code(text: str) -> Markup:
    """What is compared or copied letter by letter, such as a digest."""
    return Markup('<span class="app-code">{}</span>').format(text)


def names(those: Iterable[str]) -> Cell:
    """Names below each other, or that there is nobody."""
    return Markup("<br>").join(those) or "Nobody"


def yes_or_no(value: bool) -> str:
    """Yes or No."""
    return "Yes" if value else "No"


def section(
    heading: str, *listings: Listing, acts: Sequence[Act] = (), intro: str = ""
) -> ResponseReturnValue:
    """One part of the register, under the navigation of all its parts."""
    here = url_for(f"{request.endpoint}", **(request.view_args or {}))
    parts = [
        {"text": text, "href": url_for(name), "active": url_for(name) == here} for text, name in SECTIONS
    ]
    return page(
        "governance/section.html", title=heading, listings=listings, parts=parts, acts=acts, intro=intro
    )


def record(
    heading: str,
    *,
    back: str,
    facts: Sequence[tuple[str, Cell]] = (),
    listings: Sequence[Listing] = (),
    acts: Sequence[Act] = (),
    warnings: Sequence[str] = (),
    texts: Sequence[tuple[str, str]] = (),
    reference: str = "",
) -> ResponseReturnValue:
    """One record: what is known of it, what belongs to it, and what may be done."""
    return page(
        "governance/record.html",
        title=heading,
        back_href=back,
        facts=_rows(facts),
        listings=listings,
        acts=acts,
        warnings=warnings,
        texts=texts,
        reference=reference,
    )


def confirm(
    form: GatewayForm,
    act: Callable[[Unit], object],
    *,
    heading: str,
    done: str,
    back: str,
    says: Sequence[str] = (),
    facts: Sequence[tuple[str, Cell]] = (),
    button: str = "Confirm",
    warning: bool = False,
    reference: str = "",
    listings: Sequence[Listing] = (),
) -> ResponseReturnValue:
    """Show the page of an act, or do it, as `gateway.web.staff.acts.confirm` does."""
    return acts.confirm(
        form,
        act,
        done=done,
        back=back,
        template="governance/act.html",
        title=heading,
        says=says,
        facts=_rows(facts),
        button=button,
        warning=warning,
        reference=reference,
        listings=listings,
    )


def _rows(facts: Sequence[tuple[str, Cell]]) -> list[dict[str, Cell]]:
    return [{"key": key, "value": value} for key, value in facts]
