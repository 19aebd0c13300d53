"""The first scenario: a scripted epidemic day of a steppe city."""
