"""Labels: which visits turned out to be of level 4+, from whom we know, and since when."""
