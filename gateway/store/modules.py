"""Which modules hold tables: the one list that migrations, tests and the start of the gateway read.

They are named as text, because the store stands below the rooms whose tables it keeps and may not import them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

MODEL_MODULES = (
    "gateway.store.vault",
    "gateway.ledger.models",
    "gateway.sealing.models",
    "gateway.registry.models",
    "gateway.consent.models",
    "gateway.policy.models",
    "gateway.disclosure.models",
    "gateway.review.models",
    "gateway.web.models",
    "gateway.api.models",
)


def import_models() -> None:
    """Import every module with tables, so that the metadata is whole."""
    for name in MODEL_MODULES:
        if find_spec(name):
            import_module(name)
