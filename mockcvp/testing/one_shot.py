"""What a Python test plans for the next calls, as stub mappings that come before all others."""

from typing import Any
from uuid import uuid4

from mockcvp.oamp.errors import by_status, of_status
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.pattern import RequestPattern
from mockcvp.stubs.response import Fault, StubResponse

_MOST = 1_000_000


def error_stub(status: int, times: int, error_type: str | None) -> StubMapping:
    """Return what refuses the next calls in the product's form; the arguments are as in ``MockCVP.fail_next``.

    Raises:
        TypeError: a value of another type
        ValueError: a value that is not valid
    """
    if _whole("status", status) not in range(400, 600):
        raise ValueError(f"status must be from 400 to 599, not {status}")
    row = by_status(status) if error_type is None else of_status(status, error_type)
    error = row.error("refused, as the test has planned")
    return _mapping(StubResponse(status, error=error), {"status": status}, times, errorType=row.name)


def fault_stub(fault: Fault | str, times: int) -> StubMapping:
    """Return what has the next calls meet a fault of the connection.

    Raises:
        TypeError: a value of another type
        ValueError: a value that is not valid
    """
    if fault not in list(Fault):
        raise ValueError(f"fault must be one of {', '.join(Fault)}, not {fault!r}")
    return _mapping(StubResponse(fault=Fault(fault)), {"fault": str(fault)}, times)


def _mapping(response: StubResponse, description: dict[str, Any], times: int, **parameters: Any) -> StubMapping:
    if not 1 <= _whole("times", times) <= _MOST:
        raise ValueError(f"times must be from 1 to {_MOST}, not {times}")
    identity = str(uuid4())
    document = {
        "id": identity,
        "uuid": identity,
        "priority": 0,
        "request": {"method": "ANY"},
        "response": description | {"transformers": ["mockcvp"], "transformerParameters": parameters | {"times": times}},
    }
    return StubMapping(identity, RequestPattern(), response, document, priority=0, times=times)


def _whole(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    return value
