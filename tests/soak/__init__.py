"""A mock server under load for minutes: what was sent, what was answered and what the journal holds must agree."""
