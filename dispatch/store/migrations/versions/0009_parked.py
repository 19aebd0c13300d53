"""An input waits for any subject, not for a call alone."""

from dispatch.store.migrations.sql import run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Let what is parked say whose it is, and the centre's row when that changed."""
    run("0009_parked.sql")
