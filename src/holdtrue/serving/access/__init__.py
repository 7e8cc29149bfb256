"""Access: who may call which route: tokens with roles, kept as digests, and the gate that asks for them."""
