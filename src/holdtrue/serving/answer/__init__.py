"""Answers: versions loaded and checked, rows routed to them, scored in batches, logged, and shadowed."""
