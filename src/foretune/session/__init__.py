"""One search, from its settings to the files that a user keeps; shared by the command line and Python callers."""
