"""Commands about the Kafka topic of raw events."""
