"""Statements about mockcvp, each able to fail."""
