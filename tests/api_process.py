"""One request in a process of its own, which a failpoint may kill: key and day are arguments."""

from __future__ import annotations

import os
import sys

from tests.api_client import Api, InMemoryOrchestrator

if __name__ == "__main__":
    key, day = sys.argv[1:]
    api = Api(InMemoryOrchestrator(), dict(os.environ))
    answer = api.post("/tasks", json={"date": day, "counter": 301}, headers={"Idempotency-Key": key})
    print(answer.status_code, answer.text)
