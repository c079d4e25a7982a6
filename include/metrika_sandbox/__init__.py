"""A faithful local Yandex Metrika: Logs API and offline conversions over a real socket."""
