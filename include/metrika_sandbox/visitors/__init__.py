"""Who visits, when and for how long: seeded arrays of visits and hits, block by block."""
