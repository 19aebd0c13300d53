"""One module and one `.sql` file a revision."""
