"""The store: PostgreSQL is the truth about units, rooms and timers; inbox and event log."""
