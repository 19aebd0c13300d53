"""The store: PostgreSQL is the truth about units, rooms and clocks, and keeps inbox and event log."""
