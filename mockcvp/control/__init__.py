"""What the double adds for tests, under ``/__admin``."""
