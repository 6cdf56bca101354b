"""/api/v1: the same answers as `--format json` on the command line, to the letter."""
