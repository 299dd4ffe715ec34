"""Who confirmed a safe contact, and when it was withdrawn"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import gateway.store.tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the store. Of those that are there nobody knows who confirmed them, and none was withdrawn."""
    with op.batch_alter_table("safe_contact") as batch:
        batch.add_column(sa.Column("confirmed_by_post_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch.add_column(sa.Column("withdrawn_at", gateway.store.tables.UtcDateTime(), nullable=True))
        batch.create_foreign_key(
            batch.f("fk_safe_contact_confirmed_by_post_id_post"), "post", ["confirmed_by_post_id"], ["id"]
        )


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
