"""The page that shows the routes; it needs nothing from elsewhere."""
