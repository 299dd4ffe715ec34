"""A register in a store, with its rows by the keys of its file."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.assembly import Gateway
from gateway.registry import models
from gateway.registry.actors import Actor, actor_for_post
from gateway.store.unit_of_work import Store, Unit

_NAMED_BY: dict[str, tuple[Any, str]] = {
    "agency": (models.Agency, "code"),
    "person": (models.Person, "code"),
    "post": (models.Post, "code"),
    "arrangement": (models.Arrangement, "code"),
    "subject": (models.Subject, "code"),
    "case": (models.Case, "reference"),
}


class Sample:
    """What tests of the register stand on: the store, and ids by key."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.store: Store = gateway.store
        self.partnership_id: str = ""
        self._ids: dict[tuple[str, str], str] = {}
        with self.store.reading() as unit:
            self.partnership_id = unit.session.exec(select(models.Partnership.id)).one()
            for kind, (table, name) in _NAMED_BY.items():
                row: Any
                for row in unit.session.exec(select(table)):
                    self._ids[kind, getattr(row, name)] = row.id

    def id(self, kind: str, key: str) -> str:
        """The id of a row by its kind and key."""
        return self._ids[kind, key]

    def add(self, kind: str, key: str, row_id: str) -> None:
        """Know a row that a test made."""
        self._ids[kind, key] = row_id

    def actor(self, unit: Unit, post: str) -> Actor:
        """The actor of a post by its key."""
        return actor_for_post(unit, self.id("post", post))

    def writing(self) -> Any:
        """A unit of work that writes."""
        return self.store.writing()

    def reading(self) -> Any:
        """A unit of work that reads."""
        return self.store.reading()
