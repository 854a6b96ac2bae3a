"""Request patterns, as WireMock has them: what is looked for in the journal, and what a stub mapping answers to."""
