"""The spine."""

from dispatch.store.migrations.sql import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    run("0001_spine.sql")
