"""Kills: a live loop under load whose processes are killed with SIGKILL, round after round, and what that lost."""
