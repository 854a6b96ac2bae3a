"""mockcvp: the OAMP server of Cisco Unified CVP, doubled for tests."""

__version__ = "0.1.0"
