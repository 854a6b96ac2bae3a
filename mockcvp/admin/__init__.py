"""What the mock server adds for tests, under ``/__admin``."""

PATH = "/__admin"
