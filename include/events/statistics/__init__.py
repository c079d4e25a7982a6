"""What the people of an app did: one aggregate per person and value of an attribute, computed in ClickHouse."""
