"""Kafka as the way from the device route to the inbox: sending, reading with offsets of our own, reading again."""
