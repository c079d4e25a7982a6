"""The daily report of a scored day: is it like the days before, and do the probabilities hold."""
