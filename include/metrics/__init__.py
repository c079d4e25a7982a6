"""Learning metrics: six numbers per person, course and period, calculated from events, kept with their definition."""
