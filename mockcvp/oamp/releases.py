"""The releases of the OAMP, and the differences between their responses (contract, section 9)."""

from typing import Literal, NamedTuple

from mockcvp.oamp.deployment import Version

_Headers = tuple[tuple[bytes, bytes], ...]
ReleaseName = Literal["10.0", "12.6"]


class Release(NamedTuple):
    """The differences between the releases of the OAMP.

    Attributes:
        headers: the headers of every response
        no_cache_headers: further headers of the response to any method but POST
        has_reason_phrase: whether a status line ends with a reason phrase
        version: the default version that the OAMP reports
    """

    headers: _Headers
    no_cache_headers: _Headers
    has_reason_phrase: bool
    version: Version


RELEASES: dict[ReleaseName, Release] = {
    # from the samples in the guide
    "10.0": Release(
        headers=((b"server", b"Apache-Coyote/1.1"),),
        no_cache_headers=(
            (b"pragma", b"No-cache"),
            (b"cache-control", b"no-cache"),
            (b"expires", b"Wed, 31 Dec 1969 16:00:00 PST"),
        ),
        has_reason_phrase=True,
        version=Version(
            major_version="10", minor_version="0", maintenance_version="1", build_version="93", build_date="2014-05-21"
        ),
    ),
    # from the source of Tomcat 9
    "12.6": Release(
        headers=(),
        no_cache_headers=((b"cache-control", b"private"), (b"expires", b"Thu, 01 Jan 1970 00:00:00 GMT")),
        has_reason_phrase=False,
        version=Version(),
    ),
}
