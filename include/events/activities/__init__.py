"""Activities: the events of a shop as its seed document shows them."""
