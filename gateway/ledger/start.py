"""What a worker does with the ledger before it serves.

Place what waits, compare with the witnesses, keep asking them.
"""

from __future__ import annotations

from gateway.ledger.journal import Journal
from gateway.ledger.sequencer import catch_up
from gateway.ledger.witness import Watch, compare_at_start
from gateway.store.unit_of_work import Store


def start(store: Store, journal: Journal) -> Watch:
    """Give the watch that goes on asking the witnesses; `stop` ends it.

    Afterwards the journal takes no entries when a witness holds a longer or a different history than the database
    (a restored backup), or when no witness answers. Without witnesses nothing is compared.
    """
    compare_at_start(store, journal)
    if journal.stopped is None:
        catch_up(store)
    return Watch(store, journal).start()
