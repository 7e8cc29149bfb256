"""Counts: what each worker counts and says of itself, and the sums that Prometheus scrapes."""
