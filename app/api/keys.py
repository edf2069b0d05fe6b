"""`GET /v1/keys`: the API keys that the service knows."""

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api import problems
from app.api.dependencies import ServiceDep, requires
from app.keys import KeyScope

router = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[requires(KeyScope.ADMIN)])


class KeyAnswer(BaseModel):
    """An API key, without its hash."""

    name: str = Field(description="the name of the caller")
    scopes: list[KeyScope] = Field(description="the operations that the key may use")
    expires: date | None = Field(description="the last valid day of the key, in UTC; null: unlimited")
    channels: list[int] | None = Field(
        description="the channels that the key may analyze; null: all that the service permits"
    )


class KeyList(BaseModel):
    """The keys of the service."""

    keys: list[KeyAnswer]


@router.get(
    "", operation_id="listKeys", summary="List the API keys", responses=problems.responses(401, 403, 429, 500)
)
async def list_keys(service: ServiceDep) -> KeyList:
    """List the keys that the service knows. This needs a key with the scope `admin`."""
    return KeyList(
        keys=[
            KeyAnswer(
                name=key.name,
                scopes=sorted(key.scopes),
                expires=key.expires,
                channels=None if key.channels is None else sorted(key.channels),
            )
            for key in service.authenticator.keys
        ]
    )
