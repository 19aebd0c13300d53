"""A scripted day of a city on the real service, its live view and its summary."""
