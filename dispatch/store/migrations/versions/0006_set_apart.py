"""One client's flood is its own: what it sent waits apart."""

from dispatch.store.migrations.sql import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make room for records that wait apart, and for how far refusals were counted."""
    run("0006_set_apart.sql")
