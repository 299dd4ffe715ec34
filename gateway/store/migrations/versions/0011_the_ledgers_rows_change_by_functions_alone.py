"""The few rows of the ledger that change or go do so by functions of their owner on PostgreSQL"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change no table: the functions are put in place with the guards, after every upgrade.

    This makes a store that lacks them one that is not up to date.
    """


def downgrade() -> None:
    """Refuse: going back is restoring the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
