"""Pure rules of a conversion: identifiers, money, moments, files, statuses, what is held."""
