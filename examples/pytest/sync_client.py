"""A small client of a user's own: it starts sync-ups of CVP's servers and tells how they went."""

import httpx


class SyncFailed(Exception):
    """A sync-up that the OAMP has refused, or that it could not be asked for."""


class SyncClient:
    """Starts sync-ups at one OAMP server.

    Args:
        http: an HTTP client with the OAMP's base URL, credentials and trusted certificate
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._http.headers["accept"] = "application/json"

    def servers(self, type_: str) -> list[str]:
        """Return the refURLs of the servers of a type."""
        listed = self._http.get("server", params={"q": f"type:{type_}"}).raise_for_status().json()
        found = (listed["results"]["servers"] or {}).get("server", [])
        return [server["refURL"] for server in (found if isinstance(found, list) else [found])]

    def synchronize(self, ref_urls: list[str], since: int = 0) -> None:
        """Start sync-ups; tries a second time where the OAMP is busy or hangs up."""
        entries = [{"refURL": ref_url, "sincetime": str(since)} for ref_url in ref_urls]
        body = {"synchronize": {"servers": {"server": entries}}}
        for attempt in (1, 2):
            try:
                answer = self._http.post("command/synchronize", json=body)
            except httpx.TransportError as fault:
                reason = str(fault)
            else:
                if answer.status_code == 202:
                    return
                reason = answer.text
                if answer.status_code != 503:
                    break
            if attempt == 2:
                break
        raise SyncFailed(reason)

    def status(self, ref_url: str) -> str:
        """Return how the latest sync-up of a server went."""
        status = self._http.get(f"{ref_url}/synchronize").raise_for_status().json()
        return str(status["server"]["syncStatus"])
