"""The route that answers what the people of an app did."""
