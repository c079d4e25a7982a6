"""Log requests of the local Metrika: queue, preparation, parts."""
