"""Routes and pages of the registry of models."""
