"""Stub mappings, as WireMock has them: what a test has answered instead of the product."""
