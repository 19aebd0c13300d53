"""A restored database tells nothing under numbers that readers have seen."""

from dispatch.store.migrations.sql import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let events be numbered from above a floor."""
    run("0004_restored.sql")
