"""Offline conversions of the local Metrika: goals, uploads, linkage."""
