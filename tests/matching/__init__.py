"""Request patterns."""
