"""PostgreSQL: the engine, tables and migrations, and what the product remembers in them."""
