"""What a request body may hold."""

from typing import NamedTuple


class Limits(NamedTuple):
    """What a request body may hold.

    Attributes:
        depth: how deep its elements, or its objects and arrays, may be nested
        elements: how many elements, attributes, comments and the like an XML document may have, or values a JSON one
        servers: how many servers a request may name
    """

    depth: int = 100
    elements: int = 10_000
    servers: int = 2_000


DEFAULT_LIMITS = Limits()
"""The limits where no others are given."""
