"""The passport of a conversion: where it comes from, why it was or was not sent, and whether that still holds."""
