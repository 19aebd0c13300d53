"""A city in motion: crews and hospitals that answer the real service on a scenario's clock."""
