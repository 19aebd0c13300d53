"""Numbered changes of the schema, each an `.sql` file that Alembic runs once and in order."""
