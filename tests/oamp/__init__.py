"""Tests of the OAMP that mockcvp mocks."""
