"""Events that broke a rule: listing them, and holding them against the rules again."""
