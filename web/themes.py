"""专题图层 for programs and the map: parts of the scores of a level by a theme, and the values a theme can have."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from jobs.themes import choices, themes
from web.api import ERRORS, next_address
from web.deps import AsOf, Lang, Owner, Reader, SignedIn, Splitting, Themed

router = APIRouter(prefix="/api/v1", tags=["themes"], responses=ERRORS)
_LONGEST_LIST = 10_000


@router.get("/themes")
def theme_parts(
    request: Request,
    owner: Owner,
    reader: Reader,
    identity: SignedIn,
    splits: Splitting,
    theme: Themed,
    lang: Lang,
    level: Annotated[
        str,
        Query(description="city township village grid overlay source enterprise", max_length=20),
    ] = "township",
    code: Annotated[str | None, Query(description="只看这一个，并给出它的构成", max_length=64)] = None,
    as_of: AsOf = None,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_LIST)] = 1000,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> dict[str, Any]:
    """What a theme adds to the scores of a level: part, score and share of each, the largest part first.

    Parts are sums of lines of `explain`: part(theme) + part(all else) = score. They are no levels and have no colour.
    """
    told = themes(
        owner, reader, identity, splits, level, theme,
        code=code, as_of=as_of, lang=lang, limit=limit, offset=offset,
    )  # fmt: skip
    return told | {"next": next_address(request, limit, offset, told["total"])}


@router.get("/themes/choices")
def theme_choices(
    owner: Owner,
    reader: Reader,
    identity: SignedIn,
    splits: Splitting,
    lang: Lang,
    as_of: AsOf = None,
) -> dict[str, list[dict[str, Any]]]:
    """The values of each dimension with their words: committee, industry, hazard, kind, period."""
    return choices(owner, reader, identity, splits, as_of=as_of, lang=lang)
