"""The HTTP side of the local Metrika: routes, tokens, streams, switches."""
