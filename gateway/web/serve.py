"""What gunicorn serves: the application of the installation that the settings describe."""

from __future__ import annotations

from flask import Flask

from gateway import observe
from gateway import settings as configuration
from gateway.assembly import assemble
from gateway.ledger.audit import Checks
from gateway.ledger.start import start
from gateway.web.app import create_app


def app() -> Flask:
    """Give the application; raises Misconfigured with one sentence when the installation can't start."""
    settings = configuration.load()
    observe.configure_logs(settings.observe.log_level)
    gateway = assemble(settings)
    start(gateway.store, gateway.journal)
    Checks(gateway.store).start()
    return create_app(gateway)
