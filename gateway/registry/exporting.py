"""Writing a register out as the file that an import reads: codes, keys and dates, nothing that is sealed.

Who a subject is, reasons, safe contacts and walls described in words stay behind: whoever runs the command may not
read them. Importing the result into the same store changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import SQLModel, col, select

from gateway.clock import local_day
from gateway.errors import NotFound
from gateway.registry import models
from gateway.registry.facts import loosens
from gateway.registry.register_file import FORMAT
from gateway.store.unit_of_work import Unit

Fields = Mapping[str, Any]


def export_register(unit: Unit, code: str) -> str:
    """Give the register of the partnership with this code as TOML. Raises NotFound when there is none."""
    found = unit.session.exec(select(models.Partnership).where(models.Partnership.code == code)).first()
    if found is None:
        raise NotFound("There is no such partnership.", next_step="Check the code of the partnership.")
    return _Export(unit, found).text()


class _Export:
    def __init__(self, unit: Unit, partnership: models.Partnership) -> None:
        self.unit = unit
        self.partnership = partnership
        self.rows = {table: self._all(table) for table in _TABLES}
        self.codes = {row.id: row.code for table in _CODED for row in self.rows[table]}
        self.references = {row.id: row.reference for row in self.rows[models.Case]}

    def text(self) -> str:
        parts = [f"format = {FORMAT}\n"]
        own = self.partnership
        parts.append(_table("partnership", {"code": own.code, "name": own.name, "nation": own.nation}))
        for section in (
            self._agencies,
            self._people,
            self._arrangements,
            self._subjects,
            self._cases,
            self._facts,
        ):
            parts.extend(section())
        return "\n".join(parts)

    def _agencies(self) -> Iterator[str]:
        providers = {row.agency_id: row for row in self.rows[models.IdentityProvider]}
        for row in self.rows[models.Agency]:
            yield _table(
                "agencies",
                {
                    "code": row.code,
                    "name": row.name,
                    "type": row.agency_type,
                    "answers_within_days": row.answers_within_days,
                    "closed_on": row.closed_on,
                },
                listed=True,
            )
            provider = providers.get(row.id)
            if provider is not None:
                yield _table(
                    "agencies.sign_in",
                    {
                        "issuer": provider.issuer,
                        "client_id": provider.client_id,
                        "client_key": provider.client_key_name,
                        "required_acr": provider.required_acr,
                    },
                )

    def _people(self) -> Iterator[str]:
        for row in self.rows[models.Person]:
            yield _table(
                "people",
                {
                    "key": row.code,
                    "name": row.name,
                    "trained_until": row.trained_until,
                    "vetted_until": row.vetted_until,
                },
                listed=True,
            )
            for identity in self._of(models.SignInIdentity, person_id=row.id):
                yield _table(
                    "people.identities", {"issuer": identity.issuer, "sub": identity.sub}, listed=True
                )
            for post in self._of(models.Post, person_id=row.id):
                if post.ended_at is None:
                    yield from self._post(post)

    def _post(self, post: Any) -> Iterator[str]:
        yield _table(
            "people.posts",
            {
                "key": post.code,
                "agency": self.codes[post.agency_id],
                "role": post.role,
                "face": post.face,
                "orientation": post.orientation,
                "governs": post.governs,
                "starts_on": post.starts_on,
                "ends_on": post.ends_on,
            },
            listed=True,
        )
        for held in self._of(models.PostAuthority, post_id=post.id):
            if held.ended_at is None and held.approved_by_post_id and held.granted_by_post_id:
                yield _table(
                    "people.posts.authorities",
                    {
                        "role": held.role_code,
                        "arrangement": self._code(held.arrangement_id),
                        "starts_on": held.starts_on,
                        "ends_on": held.ends_on,
                        "granted_by": self._code(held.granted_by_post_id),
                        "approved_by": self._code(held.approved_by_post_id),
                    },
                    listed=True,
                )

    def _arrangements(self) -> Iterator[str]:
        for row in self.rows[models.Arrangement]:
            plain = _plain(
                row, "kind name area jurisdiction protocol_reference retention_days dpia_reference"
            )
            dates = _plain(row, "review_on ends_on")
            yield _table(
                "arrangements",
                {"key": row.code, **plain, "chair": self._code(row.chair_post_id), **dates},
                listed=True,
            )
            for held in self._of(models.Membership, arrangement_id=row.id):
                if held.ended_at is None:
                    plain = _plain(held, "standing authority area signatory starts_on ends_on")
                    yield _table(
                        "arrangements.members", {"agency": self._code(held.agency_id), **plain}, listed=True
                    )

    def _subjects(self) -> Iterator[str]:
        for row in self.rows[models.Subject]:
            if row.state == models.SubjectState.ERASED:
                continue
            plain = _plain(row, "capacity deceased_on")
            head = {"key": row.code, "controller": self._code(row.controller_agency_id), **plain}
            yield _table("subjects", head, listed=True)
            for wall in self._of(models.Wall, subject_id=row.id):
                if wall.lifted_at is None and wall.counts_from is not None and wall.described is None:
                    yield _table(
                        "subjects.walls",
                        {
                            "kind": wall.kind,
                            "person": self._code(wall.person_id),
                            "agency": self._code(wall.agency_id),
                            "placed_by": self._code(wall.placed_by_post_id),
                        },
                        listed=True,
                    )

    def _cases(self) -> Iterator[str]:
        erased = {row.id for row in self.rows[models.Subject] if row.state == models.SubjectState.ERASED}
        for row in self.rows[models.Case]:
            plain = _plain(row, "level category jurisdiction opened_on closed_on review_on")
            head = {
                "reference": row.reference,
                "arrangement": self._code(row.arrangement_id),
                "lead_agency": self._code(row.lead_agency_id),
            }
            yield _table("cases", {**head, **plain}, listed=True)
            for held in self._of(models.CaseSubject, case_id=row.id):
                if held.subject_id not in erased:
                    plain = {
                        "role": held.role,
                        "disputed": held.role_disputed,
                        **_plain(held, "starts_on ends_on"),
                    }
                    yield _table(
                        "cases.subjects", {"subject": self._code(held.subject_id), **plain}, listed=True
                    )
            for held in self._of(models.CaseAssignment, case_id=row.id):
                if held.ended_at is None:
                    plain = _plain(held, "orientation starts_on ends_on")
                    yield _table(
                        "cases.assignments", {"post": self._code(held.post_id), **plain}, listed=True
                    )
            for held in self._of(models.RiskRating, case_id=row.id):
                if held.subject_id not in erased:
                    plain = _plain(held, "level tool dash_ticks basis assessed_on")
                    ends = {"assessed_by": self._code(held.assessed_by_post_id)}
                    head = {"subject": self._code(held.subject_id)}
                    yield _table("cases.risks", {**head, **plain, **ends}, listed=True)

    def _facts(self) -> Iterator[str]:
        for row in self.rows[models.RegisteredFact]:
            if row.ends_at is not None and row.ends_at <= self.unit.now:
                continue
            if loosens(row.circumstance) and row.approved_by_post_id is None:
                continue  # it waits for its second person, and a file can't say that
            yield _table(
                "facts",
                {
                    "circumstance": row.circumstance,
                    "case": self.references.get(row.case_id or ""),
                    "subject": self._code(row.subject_id),
                    "agency": self._code(row.agency_id),
                    "post": self._code(row.post_id),
                    "categories": row.categories,
                    "recorded_by": self._code(row.recorded_by_post_id),
                    "approved_by": self._code(row.approved_by_post_id),
                    "starts_on": local_day(row.starts_at),
                },
                listed=True,
            )

    def _code(self, row_id: str | None) -> str | None:
        return self.codes.get(row_id) if row_id else None

    def _all(self, table: type[SQLModel]) -> list[Any]:
        named: Any = table
        query = select(named).where(named.partnership_id == self.partnership.id)
        return list(self.unit.session.exec(query.order_by(col(named.created_at), col(named.id))))

    def _of(self, table: type[SQLModel], **where: str) -> list[Any]:
        return [
            row for row in self.rows[table] if all(getattr(row, name) == one for name, one in where.items())
        ]


_CODED: tuple[type[SQLModel], ...] = (
    models.Agency,
    models.Person,
    models.Post,
    models.Arrangement,
    models.Subject,
)
_TABLES: tuple[type[SQLModel], ...] = (
    *_CODED,
    models.IdentityProvider,
    models.SignInIdentity,
    models.PostAuthority,
    models.Membership,
    models.Wall,
    models.Case,
    models.CaseSubject,
    models.CaseAssignment,
    models.RiskRating,
    models.RegisteredFact,
)


def _plain(row: Any, names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names.split()}


def _table(name: str, fields: Fields, *, listed: bool = False) -> str:
    head = f"[[{name}]]" if listed else f"[{name}]"
    lines = [f"{key} = {_value(value)}" for key, value in fields.items() if value is not None and value != []]
    return "\n".join([head, *lines]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_value(one) for one in value)}]"
    # JSON's escapes are TOML's, but for the delete character, which TOML won't take bare.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
