"""Activations are found at once"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ACTIVATIONS = "kind IN ('policy.activated', 'policy.rolled_back')"


def upgrade() -> None:
    """Change the store."""
    op.create_index(
        "ix_ledger_record_activation",
        "ledger_record",
        ["partnership_id", "at"],
        unique=False,
        sqlite_where=sa.text(_ACTIVATIONS),
        postgresql_where=sa.text(_ACTIVATIONS),
    )


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
