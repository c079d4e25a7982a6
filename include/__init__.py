"""Counterflow: raw Yandex Metrika logs to scored visits and offline conversions."""

__version__ = "0.1.0"
