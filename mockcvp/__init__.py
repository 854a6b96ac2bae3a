"""mockcvp: the OAMP server of Cisco Unified CVP, mocked for tests.

``MockCVP`` is one running mock server. Each name is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockcvp.app import create_app
    from mockcvp.journal import Call
    from mockcvp.settings import Settings
    from mockcvp.stubs.response import Fault
    from mockcvp.testing.mock_cvp import MockCVP
    from mockcvp.testing.typed_settings import MockCVPSettings

__all__ = ["Call", "Fault", "MockCVP", "MockCVPSettings", "Settings", "create_app"]

_MODULES = {
    "Call": "mockcvp.journal",
    "Fault": "mockcvp.stubs.response",
    "MockCVP": "mockcvp.testing.mock_cvp",
    "MockCVPSettings": "mockcvp.testing.typed_settings",
    "Settings": "mockcvp.settings",
    "__version__": "mockcvp.settings",
    "create_app": "mockcvp.app",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)
