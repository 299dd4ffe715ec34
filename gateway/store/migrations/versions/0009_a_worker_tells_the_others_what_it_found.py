"""A worker tells the others that it found the log damaged; a notice may be of a review that is due"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import gateway.store.tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the store. Every notice that is there is of an entry."""
    text, at = sqlmodel.sql.sqltypes.AutoString, gateway.store.tables.UtcDateTime
    op.create_table(
        "ledger_alarm",
        sa.Column("worker", text(length=32), nullable=False),
        sa.Column("problem", text(), nullable=False),
        sa.Column("found_at", at(), nullable=False),
        sa.Column("until", at(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_ledger_alarm")),
    )
    with op.batch_alter_table("notice") as batch:
        batch.add_column(sa.Column("cause", text(), nullable=False, server_default="entry"))
        batch.drop_constraint(batch.f("uq_notice_post_id_entry_id"), type_="unique")
        batch.create_unique_constraint(
            batch.f("uq_notice_post_id_entry_id_cause"), ["post_id", "entry_id", "cause"]
        )
    with op.batch_alter_table("notice") as batch:
        batch.alter_column("cause", server_default=None)


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
