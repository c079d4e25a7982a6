"""Models of visits: training, calibration, thresholds, and honest measures of all three."""
