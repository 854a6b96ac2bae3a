"""A FastAPI project that extends mockcvp."""

from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic import Field

from mockcvp import create_app
from mockcvp.oamp.documentation import documented, request_body
from mockcvp.oamp.errors import NOT_FOUND, OampError
from mockcvp.oamp.model import OampModel
from mockcvp.oamp.operation import Body, OampRoute

PROMPTS: dict[str, "Prompt"] = {}


class Prompt(OampModel):
    """A prompt that callers hear."""

    root: ClassVar[str] = "prompt"

    name: Annotated[str, Field(min_length=1)]
    seconds: Annotated[int, Field(ge=0)] = 0


def prompts() -> "dict[str, Prompt]":
    return PROMPTS


Prompts = Annotated[dict[str, Prompt], Depends(prompts)]
router = APIRouter(prefix="/cvp-config", route_class=OampRoute, tags=["prompts"])


@router.get("/prompt/{name}", responses=documented(Prompt, NOT_FOUND))
def get_prompt(name: str, prompts: Prompts) -> Prompt:
    """Return a prompt."""
    if name not in prompts:
        raise OampError(NOT_FOUND.error(f"there is no prompt {name!r}"))
    return prompts[name]


@router.post(
    "/prompt", status_code=201, responses=documented(None, status=201, body=True), openapi_extra=request_body(Prompt)
)
def add_prompt(prompt: Body[Prompt], prompts: Prompts) -> None:
    """Add a prompt."""
    prompts[prompt.name] = prompt


mock = create_app()
mock.include_router(router)
mock.add_middleware(CORSMiddleware, allow_origins=["https://console.example"], allow_methods=["*"], allow_headers=["*"])

app = FastAPI(title="A site with a mock OAMP")
app.mount("/oamp", mock)
