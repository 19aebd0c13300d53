"""Event-driven ambulance dispatch with epidemic screening."""
