"""The search for a server of the deployment by its id, refURL or host name."""

from mockcvp.oamp.deployment import Server
from mockcvp.oamp.references import server_id
from mockcvp.oamp.sync_ups import Servers

_MAX_LISTED = 5


def find_server(servers: Servers, name: str) -> Server:
    """Return the server with this id, refURL or host name; an id comes before a host name.

    Raises:
        ValueError: there is no such server, or several servers have the host name
    """
    by_id = servers.get(server_id(name))
    if by_id is not None:
        return by_id
    by_host = [server for server in servers if server.hostname == name]
    if len(by_host) == 1:
        return by_host[0]
    if by_host:
        ids = _listed([server.id for server in by_host])
        raise ValueError(f"{len(by_host)} servers have the host name {name!r}; use an id: {ids}")
    listed = _listed([f"{server.type} {server.hostname}" for server in servers])
    raise ValueError(f"the deployment has no server {server_id(name)!r}; it has {listed or 'none'}")


def _listed(names: list[str]) -> str:
    others = len(names) - _MAX_LISTED
    return ", ".join(names[:_MAX_LISTED]) + (f" and {others} more" if others > 0 else "")
