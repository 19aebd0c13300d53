"""Transfers, beds, clocks and reports."""

from dispatch.store.migrations.sql import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables, and move the promises of rooms into one of them."""
    run("0002_transfers.sql")
