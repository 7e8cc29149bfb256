"""Behaviour: how a candidate's answers move with its inputs, with another training, and in a process of its own."""
