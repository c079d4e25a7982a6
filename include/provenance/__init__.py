"""Proofs that join several domains: why a conversion was sent, and that a day is still what it was."""
