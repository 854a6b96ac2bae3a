"""Examples of request bodies for the OpenAPI document; a test compares them with the files in ``fixtures/sync-up``."""

from collections.abc import Mapping
from typing import Any

from mockcvp.oamp.codecs import JSON, XML, Codec

_LONG_FORM = """\
<synchronize>
  <servers>
    <server>
      <refURL>https://10.78.26.124:8111/cvp-config/server/c351883d-b266-4f6d-8c47-c88bf80f9a1d</refURL>
      <sincetime>0</sincetime>
    </server>
  </servers>
</synchronize>
"""
_SHORT_FORM = """\
<synchronize>
  <servers>
    <server>ref-url of server</server>
    <sincetime>0</sincetime>
  </servers>
</synchronize>
"""
_MIXED = [
    "https://10.78.26.124:8111/cvp-config/server/c351883d-b266-4f6d-8c47-c88bf80f9a1d",
    {
        "refURL": "https://10.78.26.124:8111/cvp-config/server/0a6fdf0c-2c33-4b0c-9a5e-3f0c5c2e7a11",
        "sincetime": "7",
    },
]

SYNCHRONIZE: Mapping[str, Mapping[Codec, Any]] = {
    "202-long-form": {XML: _LONG_FORM},
    "202-short-form": {XML: _SHORT_FORM},
    "202-object": {
        JSON: {"synchronize": {"servers": {"server": {"refURL": "ref-url of server", "sincetime": "0"}}}},
    },
    "202-mixed-array": {JSON: {"synchronize": {"servers": {"server": _MIXED}}}},
}
"""Bodies of Start Sync-Up, by the names of their files."""
