"""What visitors do: seeded or read from a file, as visits and hits."""
