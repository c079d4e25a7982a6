"""From the inbox into the warehouse: large loads, each repeated until it has landed."""
