"""Routes of learning metrics: calculate, read with rights, restatements, the catalogue, retention curves, a page."""
