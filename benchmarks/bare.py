"""The peer that mockcvp's start is measured against: a bare FastAPI app on uvicorn, with TLS."""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/cvp-config/command/synchronize", status_code=202)
async def synchronize() -> None:
    """Accept, and no more."""


if __name__ == "__main__":
    port, cert, key = sys.argv[1:]
    uvicorn.run(app, port=int(port), ssl_certfile=cert, ssl_keyfile=key, log_level="warning")
