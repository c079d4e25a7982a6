"""The second engine: the six metrics once more, in pandas from raw events, and the check of a run against it."""
