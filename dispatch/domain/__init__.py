"""The rules of the service: pure functions over the working set of one city."""
