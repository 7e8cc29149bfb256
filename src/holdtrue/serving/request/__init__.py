"""Requests: bodies decoded into records, records read as rows, and refusals that name the offending place."""
