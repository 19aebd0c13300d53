"""`dispatch transfers`: patients moved between institutions."""

from dispatch.cli import localised
from dispatch.cli.transfer_plan import plan


@localised.group("transfers")
def command() -> None:
    """Hold what can be done about transfers."""


command.add_command(plan)
