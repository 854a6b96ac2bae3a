"""The limits of request bodies."""

from typing import NamedTuple


class Limits(NamedTuple):
    """The limits of a request body.

    Attributes:
        depth: the maximum nesting depth of elements, or of objects and arrays
        elements: the maximum number of elements, attributes and comments in XML, or of values in JSON
        servers: the maximum number of servers
    """

    depth: int = 100
    elements: int = 10_000
    servers: int = 2_000


DEFAULT_LIMITS = Limits()
"""The default limits."""
