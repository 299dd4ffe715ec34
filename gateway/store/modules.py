"""Which modules hold tables: the one list that migrations, tests and the start of the gateway read.

They are named as text, because the store stands below the rooms whose tables it keeps and may not import them.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

MODEL_MODULES = (
    "gateway.store.vault",
    "gateway.ledger.models",
    "gateway.sealing.models",
    "gateway.registry.models",
    "gateway.consent.models",
    "gateway.policy.models",
    "gateway.disclosure.models",
    "gateway.review.models",
    "gateway.notices.models",
    "gateway.web.models",
    "gateway.api.models",
)


def import_models() -> list[ModuleType]:
    """Import every module with tables, so that the metadata is whole, and give the modules."""
    return [import_module(name) for name in MODEL_MODULES]


def guards(dialect: str) -> list[str]:
    """Give the statements by which rooms guard their tables in the database itself, such as append-only triggers.

    A module with tables names them in `GUARDS`, a mapping of "sqlite" and "postgresql" to statements that may be run
    again and again. They run after every creation and upgrade of the tables.
    """
    named: list[dict[str, tuple[str, ...]]] = [getattr(module, "GUARDS", {}) for module in import_models()]
    return [statement for guard in named for statement in guard.get(dialect, ())]
