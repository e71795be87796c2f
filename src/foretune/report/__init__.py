"""What a user is shown of a search: figures (`run_report`), tables and curves, made from saved results only."""
