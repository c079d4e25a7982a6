"""Measuring, on any labelled visits, what a model trained on them is worth."""
