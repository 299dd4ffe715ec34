"""The entries of an act in one call"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change no table: remove the functions whose form changed; with the guards they are put in place anew."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(
        "DROP FUNCTION IF EXISTS ledger_append(text, text, text, timestamptz, text, text, text, text, text, text, "
        "bytea, bytea, text, text, bytea, text[])"
    )
    op.execute("DROP FUNCTION IF EXISTS ledger_take(text[], bigint, int)")


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
