"""Yandex Metrika: its two APIs, its field registry, its dialect, and the loading of a day."""
