"""The Python API for tests."""
