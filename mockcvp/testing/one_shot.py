"""One-shot stubs: stub mappings with the highest priority that match a number of requests."""

from typing import Any
from uuid import uuid4

from mockcvp.oamp.errors import by_status, of_status
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.pattern import RequestPattern
from mockcvp.stubs.response import Fault, StubResponse

_MAX_TIMES = 1_000_000


def error_stub(status: int, times: int, error_type: str | None) -> StubMapping:
    """Return a stub with an error response of OAMP; the arguments are those of ``MockCVP.fail_next``.

    Raises:
        TypeError: a value has the wrong type
        ValueError: a value is not valid
    """
    if _integer("status", status) not in range(400, 600):
        raise ValueError(f"status must be from 400 to 599, not {status}")
    row = by_status(status) if error_type is None else of_status(status, error_type)
    error = row.error("the test requested this error with fail_next")
    return _mapping(
        f"fail_next({status})", StubResponse(status, error=error), {"status": status}, times, errorType=row.name
    )


def fault_stub(fault: Fault | str, times: int) -> StubMapping:
    """Return a stub with a socket fault.

    Raises:
        TypeError: a value has the wrong type
        ValueError: a value is not valid
    """
    if fault not in list(Fault):
        raise ValueError(f"fault must be one of {', '.join(Fault)}, not {fault!r}")
    return _mapping("drop_next", StubResponse(fault=Fault(fault)), {"fault": str(fault)}, times)


def _mapping(
    name: str, response: StubResponse, description: dict[str, Any], times: int, **parameters: Any
) -> StubMapping:
    if not 1 <= _integer("times", times) <= _MAX_TIMES:
        raise ValueError(f"times must be from 1 to {_MAX_TIMES}, not {times}")
    identity = str(uuid4())
    document = {
        "id": identity,
        "uuid": identity,
        "name": name,
        "priority": 0,
        "request": {"method": "ANY"},
        "response": description | {"transformers": ["mockcvp"], "transformerParameters": parameters | {"times": times}},
    }
    return StubMapping(identity, RequestPattern(), response, document, name, priority=0, times=times)


def _integer(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    return value
