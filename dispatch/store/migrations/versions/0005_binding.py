"""A database knows which Kafka cluster and topics it belongs to."""

from dispatch.store.migrations.sql import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make room for what a database is bound to; a worker binds it when it starts."""
    run("0005_binding.sql")
