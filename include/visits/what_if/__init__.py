"""What another model or threshold would have decided about stored days, and putting it in force."""
