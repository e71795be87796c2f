"""Other libraries as contestants of a replay, each in a process of its own that speaks JSON lines."""
