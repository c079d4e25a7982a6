"""What each metric means, to the letter: one card per metric and version, stored with every value and printed."""
