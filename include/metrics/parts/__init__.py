"""From loads to parts: which days new events touch, and what a person did on a day, as rows that add up."""
