"""Changes of the register wait for a second person, and what cover lends does too"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import gateway.store.tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the store. Cover that stands lends no authority until somebody agrees to it."""
    text = sqlmodel.sql.sqltypes.AutoString
    op.create_table(
        "register_proposal",
        sa.Column("id", text(length=32), nullable=False),
        sa.Column("partnership_id", text(length=32), nullable=False),
        sa.Column("created_at", gateway.store.tables.UtcDateTime(), nullable=False),
        sa.Column("kind", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("digest", text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("difference", sa.LargeBinary(), nullable=True),
        sa.Column("proposed_by_post_id", text(), nullable=True),
        sa.Column("first_by_post_id", text(), nullable=True),
        sa.Column("answered_by_post_id", text(), nullable=True),
        sa.Column("answered_at", gateway.store.tables.UtcDateTime(), nullable=True),
        sa.Column("expires_at", gateway.store.tables.UtcDateTime(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], ["post.id"], name=op.f(f"fk_register_proposal_{name}_post"))
            for name in ("answered_by_post_id", "first_by_post_id", "proposed_by_post_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_proposal")),
    )
    for name in ("partnership_id", "state"):
        op.create_index(op.f(f"ix_register_proposal_{name}"), "register_proposal", [name], unique=False)
    for table, name in (("post", "cover_asked_by_post_id"), ("post_authority", "lent_to_post_id")):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(name, text(), nullable=True))
            batch.create_foreign_key(batch.f(f"fk_{table}_{name}_post"), "post", [name], ["id"])


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
