"""`python -m dispatch` is the `dispatch` command."""

from dispatch.cli import main

main()
