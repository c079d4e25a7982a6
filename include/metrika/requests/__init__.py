"""Own log requests: planned, ordered, waited for, resumed and given back."""
