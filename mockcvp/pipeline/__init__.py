"""The path of one request: read, respond, record, log, send."""
