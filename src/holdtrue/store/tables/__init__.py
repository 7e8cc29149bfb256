"""Tables: one file for each family of tables; `holdtrue.store.transaction` brings them together."""
