"""`python -m persync.cli`: the same as `persync`."""

from persync.cli import main

main()
