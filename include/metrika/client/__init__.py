"""Metrika over HTTP: session, quota, retries, the Logs API and offline conversions."""
