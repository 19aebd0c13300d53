"""An identity belongs to its topic, and ids that look like those of trips are found."""

from dispatch.store.migrations.sql import run

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    """Let the inbox say on which topic an input came."""
    run("0007_topics_of_inputs.sql")
