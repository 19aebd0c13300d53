"""The second scenario: the intake of Jinzhou, 107 patients in 27 batches over 22 days."""
