"""People who sign in: roles, passwords, tokens, keys of apps, and who teaches what."""
