"""From scored visits to offline conversions at Metrika, each sent once and followed to its end."""
