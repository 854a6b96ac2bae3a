"""FastAPI apps on uvicorn with TLS that accept a sync-up, written in the ways that users write them."""

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

    refURL: str  # noqa: N815 - as it goes over the wire
    sincetime: str = "0"


class Servers(BaseModel):
    """The list, of one server."""

    server: Server


class Synchronize(BaseModel):
    """What is in the body."""

    servers: Servers


class Body(BaseModel):
    """The body."""

    synchronize: Synchronize


def textbook() -> Any:
    """Return an app as FastAPI's own guide has it."""
    app = FastAPI()

    @app.post(PATH, status_code=202)
    async def synchronize(body: Body, sent: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
        if not compare_digest(sent.password, "wsmadmin") or sent.username != "wsmadmin" or not body.synchronize:
            raise HTTPException(401)

    return app


def request() -> Any:
    """Return an app whose handler takes the request as it is."""
    app = FastAPI()
    app.post(PATH)(_handle)
    return app


def route() -> Any:
    """Return an app with the same handler in a route of Starlette's."""
    app = FastAPI()
    app.router.routes.append(Route(PATH, _handle, methods=["POST"]))
    return app


async def _handle(request: Request) -> Response:
    sent = request.headers.get("authorization", "").encode()
    Body.model_validate_json(await request.body())
    return Response(status_code=202 if compare_digest(sent, _ADMITTED) else 401)


def bare() -> Any:
    """Return an app that accepts, and no more."""
    app = FastAPI()

    @app.post(PATH, status_code=202)
    async def synchronize() -> None:
        pass

    return app


def callable() -> Any:  # noqa: A001 - what it is
    """Return what accepts without any framework."""

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
