"""The installation that a command works on.

What adds to the log compares it with its witnesses first, as a worker does when it starts. Without that a command run
after a restore would add to a log which is shorter than the one its witnesses saw.
"""

from __future__ import annotations

import click

from gateway import settings as configuration
from gateway.assembly import Gateway, assemble
from gateway.ledger.witness import compare_at_start


def opened() -> Gateway:
    """Give the gateway of the settings until the command ends. Raises what `assemble` raises."""
    gateway = assemble(configuration.load())
    click.get_current_context().call_on_close(gateway.store.close)
    return gateway


def at_work() -> Gateway:
    """Give the gateway of the settings; it takes no entries when a witness saw a longer or another history.

    Raises what `assemble` raises.
    """
    gateway = opened()
    compare_at_start(gateway.store, gateway.journal)
    return gateway
