"""A service that starts a sync-up of its servers when it starts, and tries again if OAMP is busy."""

import os
import sys
import time

import requests


def synchronise(url: str, user: str, password: str, certificate: str, servers: list[str], attempts: int = 3) -> int:
    """Start a full sync-up of some servers, and return the status of the last response."""
    body = {"synchronize": {"servers": {"server": [{"refURL": server, "sincetime": "0"} for server in servers]}}}
    status = 0
    for attempt in range(attempts):
        if attempt:
            time.sleep(0.2)
        response = requests.post(
            f"{url}/command/synchronize",
            json=body,
            headers={"Accept": "application/json"},
            auth=(user, password),
            verify=certificate,
            timeout=10,
        )
        status = response.status_code
        if status != 503:
            break
    return status


def settings() -> tuple[str, str, str, str, list[str]]:
    names = ("OAMP_URL", "OAMP_USER", "OAMP_PASSWORD", "OAMP_CERTIFICATE")
    url, user, password, certificate = (os.environ[name] for name in names)
    return url, user, password, certificate, os.environ["SERVERS"].split(",")


if __name__ == "__main__":
    status = synchronise(*settings())
    print(f"start of a sync-up: {status}")
    sys.exit(0 if status == 202 else 1)
