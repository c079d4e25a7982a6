"""How the local Metrika answers: settings, faults, quotas, shapes of answers."""
