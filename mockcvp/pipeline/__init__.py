"""One exchange: read, respond, record, log, send."""
