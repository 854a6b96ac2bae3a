"""A small client of OAMP, which starts sync-ups of CVP's servers and reads their status."""

import httpx


class SyncFailed(Exception):
    """OAMP rejected a sync-up or did not respond."""


class SyncClient:
    """A client of one OAMP server.

    Args:
        http: an HTTP client with OAMP's base URL, credentials and certificate
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
        """Start sync-ups, with a second attempt if OAMP is busy or closes the connection."""
        entries = [{"refURL": ref_url, "sincetime": str(since)} for ref_url in ref_urls]
        body = {"synchronize": {"servers": {"server": entries}}}
        for attempt in (1, 2):
            try:
                response = self._http.post("command/synchronize", json=body)
            except httpx.TransportError as exc:
                reason = str(exc)
            else:
                if response.status_code == 202:
                    return
                reason = response.text
                if response.status_code != 503:
                    break
            if attempt == 2:
                break
        raise SyncFailed(reason)

    def status(self, ref_url: str) -> str:
        """Return the status of the latest sync-up of a server."""
        status = self._http.get(f"{ref_url}/synchronize").raise_for_status().json()
        return str(status["server"]["syncStatus"])
