"""What `benchmarks/growth.py` is made of."""
