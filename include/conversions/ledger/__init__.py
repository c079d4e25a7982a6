"""The ledger: what stands, what is withdrawn, what is held, and every file prepared from it."""
