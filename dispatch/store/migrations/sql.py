"""Run the `.sql` file of a revision."""

from importlib import resources

from alembic import op


def run(name: str) -> None:
    """Run a file of this folder, whole, in the transaction of its revision."""
    text = (resources.files("dispatch.store.migrations") / "versions" / name).read_text("utf-8")
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
