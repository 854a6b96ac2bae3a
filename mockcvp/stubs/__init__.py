"""Stub mappings and request patterns, in WireMock's model."""
