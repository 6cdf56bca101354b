"""The live page: the report's sections over a web server of this machine, with filters and the rows behind the numbers."""
