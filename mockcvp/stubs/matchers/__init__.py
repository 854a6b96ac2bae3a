"""WireMock's content patterns: each operator is one field of ``ContentPattern`` with its function in ``operators``."""
