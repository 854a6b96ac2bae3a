"""FastAPI apps that accept a sync-up, on uvicorn with TLS, in several styles."""

import base64
import sys
from hmac import compare_digest
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel
from starlette.routing import Route

PATH = "/cvp-config/command/synchronize"
_ADMITTED = b"Basic " + base64.b64encode(b"wsmadmin:wsmadmin")


class Server(BaseModel):
    """One server of the list."""

    refURL: str  # noqa: N815 - the name in the body
    sincetime: str = "0"


class Servers(BaseModel):
    """The list with one server."""

    server: Server


class Synchronize(BaseModel):
    """The content of the body."""

    servers: Servers


class Body(BaseModel):
    """The body."""

    synchronize: Synchronize


def textbook() -> Any:
    """Return an app in the style of FastAPI's documentation."""
    app = FastAPI()

    @app.post(PATH, status_code=202)
    async def synchronize(body: Body, sent: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
        if not compare_digest(sent.password, "wsmadmin") or sent.username != "wsmadmin" or not body.synchronize:
            raise HTTPException(401)

    return app


def request() -> Any:
    """Return an app whose handler has only a ``Request`` parameter."""
    app = FastAPI()
    app.post(PATH)(_handle)
    return app


def route() -> Any:
    """Return an app with the same handler in a Starlette ``Route``."""
    app = FastAPI()
    app.router.routes.append(Route(PATH, _handle, methods=["POST"]))
    return app


async def _handle(request: Request) -> Response:
    sent = request.headers.get("authorization", "").encode()
    Body.model_validate_json(await request.body())
    return Response(status_code=202 if compare_digest(sent, _ADMITTED) else 401)


def bare() -> Any:
    """Return an app that accepts every request."""
    app = FastAPI()

    @app.post(PATH, status_code=202)
    async def synchronize() -> None:
        pass

    return app


def callable() -> Any:  # noqa: A001 - the name of this style
    """Return an ASGI callable without a framework that accepts every request."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    return app


APPS = {"textbook": textbook, "request": request, "route": route, "bare": bare, "callable": callable}

if __name__ == "__main__":
    name, port, cert, key = sys.argv[1:]
    uvicorn.run(
        APPS[name](),
        port=int(port),
        ssl_certfile=cert,
        ssl_keyfile=key,
        log_level="warning",
        lifespan="off",
        interface="asgi3",
    )
