"""The fields of both sources, each written as Metrika writes it."""
