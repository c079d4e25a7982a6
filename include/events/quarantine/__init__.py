"""Events that broke a rule: listing them, replaying them, giving them up."""
