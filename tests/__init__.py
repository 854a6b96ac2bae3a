"""Tests of mockcvp."""
