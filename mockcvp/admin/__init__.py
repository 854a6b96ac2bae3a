"""What the double adds for tests, under ``/__admin``."""

PATH = "/__admin"
