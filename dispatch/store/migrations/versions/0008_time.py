"""The city's time never goes back, whichever server tells it."""

from dispatch.store.migrations.sql import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Let the centre's row keep the time at which was decided last."""
    run("0008_time.sql")
