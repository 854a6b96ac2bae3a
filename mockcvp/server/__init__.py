"""Sockets, TLS and HTTP/1.1: bytes in, bytes out."""
