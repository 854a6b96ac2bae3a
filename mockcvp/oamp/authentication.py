"""HTTP basic authentication (contract, sections 1 and 8)."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from mockcvp.oamp import errors
from mockcvp.oamp.errors import OampError

# no source names a user without the role; the stock user of the operations console stands for one
CONSOLE_USER = "Administrator"


@dataclass(frozen=True, slots=True)
class Account:
    """A user whom the OAMP knows."""

    password: str
    has_role: bool = True


def sent_credentials(authorization: str | None) -> tuple[str, str] | None:
    """Return the user name and password of an ``Authorization`` header, or None where it holds none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        credentials = b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = credentials.decode()
    except UnicodeDecodeError:
        text = credentials.decode("latin-1")
    user, colon, password = text.partition(":")
    return (user, password) if colon else None


class Accounts:
    """The users whom the OAMP knows.

    Args:
        by_name: their accounts
    """

    def __init__(self, by_name: Mapping[str, Account]) -> None:
        self.by_name = by_name
        # as nearly every client sends them, so that what is right need not be decoded for each call
        self._admitted = [
            b"Basic " + b64encode(f"{name}:{account.password}".encode())
            for name, account in by_name.items()
            if account.has_role
        ]

    def authenticate(self, authorization: str | None) -> None:
        """Let a known user with the role pass.

        Args:
            authorization: the ``Authorization`` header

        Raises:
            Refusal: ``authorization.unathorized`` or ``authentication.noAccess``.
        """
        if authorization is None:
            raise OampError(errors.UNAUTHORIZED.error("no credentials were sent"))
        sent = authorization.encode("latin-1")
        for admitted in self._admitted:
            if compare_digest(sent, admitted):
                return
        credentials = sent_credentials(authorization)
        if credentials is None:
            raise OampError(errors.UNAUTHORIZED.error("the Authorization header is not HTTP basic"))
        user, password = credentials
        account = self.by_name.get(user)
        if account is None or not compare_digest(password.encode(), account.password.encode()):
            wrong = "the password is wrong" if account else "the user is unknown"
            raise OampError(errors.UNAUTHORIZED.error(wrong))
        if not account.has_role:
            raise OampError(errors.NO_ACCESS.error("the user lacks the role that this API needs"))
