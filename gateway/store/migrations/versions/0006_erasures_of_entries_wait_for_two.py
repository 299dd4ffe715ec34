"""Erasures of entries wait for a second officer"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import gateway.store.tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the store."""
    text = sqlmodel.sql.sqltypes.AutoString
    links = {"controller_agency_id": "agency", "asked_by_post_id": "post", "answered_by_post_id": "post"}
    op.create_table(
        "entry_erasure",
        sa.Column("id", text(length=32), nullable=False),
        sa.Column("partnership_id", text(length=32), nullable=False),
        sa.Column("created_at", gateway.store.tables.UtcDateTime(), nullable=False),
        sa.Column("entry_id", text(length=32), nullable=False),
        sa.Column("controller_agency_id", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("ground", text(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("words_scope", text(), nullable=False),
        sa.Column("words_owner_id", text(length=32), nullable=False),
        sa.Column("asked_by_post_id", text(), nullable=False),
        sa.Column("answered_by_post_id", text(), nullable=True),
        sa.Column("answered_at", gateway.store.tables.UtcDateTime(), nullable=True),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_entry_erasure_{name}_{table}"))
            for name, table in links.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_erasure")),
    )
    for name in ("entry_id", "partnership_id", "state"):
        op.create_index(op.f(f"ix_entry_erasure_{name}"), "entry_erasure", [name], unique=False)


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
