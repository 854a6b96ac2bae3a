"""Tests with clients in several languages, and comparisons with WireMock."""
