"""The sides of the comparison: the service itself, and the same job on other frameworks."""
