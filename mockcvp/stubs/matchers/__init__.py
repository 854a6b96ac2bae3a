"""Matchers of one value."""
