"""The fields of the Logs API: names, kinds, and how a request's list is resolved."""
