"""How intake is doing, as a page for people."""
