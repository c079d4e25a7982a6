"""The door of the app: policies, credentials, bodies, refusals, requests that come twice."""
