"""Results for users: figures (`run_report`), tables and curves, made from saved results only."""
