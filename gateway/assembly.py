"""The composition root: settings in, a gateway out; every face gets this one object and nothing global."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.clock import Clock, SystemClock
from gateway.ledger.journal import Journal
from gateway.settings import Settings
from gateway.store.engine import make_engine
from gateway.store.modules import import_models
from gateway.store.root_keys import open_root_key
from gateway.store.unit_of_work import Store
from gateway.store.vault import Vault


@dataclass(frozen=True)
class Gateway:
    """What the faces stand on."""

    settings: Settings
    clock: Clock
    store: Store
    vault: Vault
    journal: Journal


def assemble(settings: Settings, *, clock: Clock | None = None) -> Gateway:
    """Give the gateway of an installation.

    Raises:
        Misconfigured: a key can't be read, or the store is none that is known.
    """
    import_models()
    chosen = clock or SystemClock()
    vault = Vault(open_root_key(settings.keys))
    engine = make_engine(
        settings.store.url,
        pool_size=settings.store.pool_size,
        pool_timeout=settings.store.pool_timeout_seconds,
    )
    store = Store(engine, chosen, vault)
    journal = Journal.from_settings(settings).attach(store)
    return Gateway(settings, chosen, store, vault, journal)
