"""A restore is declared by one officer and agreed to by a second; a signing key may wait for its entry"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import gateway.store.tables

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the store. Every signing key that is there has its entry."""
    text, at = sqlmodel.sql.sqltypes.AutoString, gateway.store.tables.UtcDateTime
    posts = ("agreed_by_post_id", "declared_by_post_id", "refused_by_post_id")
    op.create_table(
        "restore_declaration",
        sa.Column("id", text(length=32), nullable=False),
        sa.Column("partnership_id", text(length=32), nullable=False),
        sa.Column("created_at", at(), nullable=False),
        sa.Column("reference", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("former_origin", text(), nullable=False),
        sa.Column("former_key", text(), nullable=False),
        sa.Column("witnessed_size", sa.BigInteger(), nullable=False),
        sa.Column("witnessed_root", text(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("reasons_digest", text(), nullable=False),
        sa.Column("declared_by_post_id", text(), nullable=False),
        sa.Column("declared_at", at(), nullable=False),
        sa.Column("first_key", text(), nullable=False),
        sa.Column("first_signature", text(), nullable=False),
        sa.Column("agreed_by_post_id", text(), nullable=True),
        sa.Column("agreed_at", at(), nullable=True),
        sa.Column("second_key", text(), nullable=True),
        sa.Column("second_signature", text(), nullable=True),
        sa.Column("refused_by_post_id", text(), nullable=True),
        sa.Column("refused_at", at(), nullable=True),
        sa.Column("recorded_at", at(), nullable=True),
        *(
            sa.ForeignKeyConstraint([name], ["post.id"], name=op.f(f"fk_restore_declaration_{name}_post"))
            for name in posts
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore_declaration")),
        sa.UniqueConstraint("reference", name=op.f("uq_restore_declaration_reference")),
    )
    for name in ("partnership_id", "state"):
        op.create_index(op.f(f"ix_restore_declaration_{name}"), "restore_declaration", [name], unique=False)
    with op.batch_alter_table("policy_signer") as batch:
        batch.add_column(sa.Column("waits_since", at(), nullable=True))


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
