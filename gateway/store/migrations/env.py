"""What Alembic runs: it gets an open connection from `gateway.store.migrate` and never reads a file of settings."""

from alembic import context
from sqlmodel import SQLModel

from gateway.store.modules import import_models

import_models()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
