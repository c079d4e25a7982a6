"""One prepared file into Metrika: the goal first, then exactly once, halved when refused."""
