"""怎样降级: the actions that would lower a colour, as a checklist on a page and as JSON."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from jobs.remedies import counterfactual
from jobs.subjects import COLOURS
from riskmap.vocabulary import LEVELS
from web.api import ERRORS, EXPLAINED, KINDS
from web.deps import AsOf, Lang, Owner, Reader, SignedIn
from web.remedy_commands import below
from web.render import SignedPage

router = APIRouter()
_GOALS = ("orange", "yellow", "blue")
_LINES, _LEAST = 12, 0.01
"""lines of an account that the page shows, those that would gain most"""

Of = Annotated[
    str, Query(pattern=f"^({'|'.join(COLOURS)})$", description="which colour: " + " ".join(COLOURS))
]
Goal = Annotated[str | None, Query(pattern="^(orange|yellow|blue|)$", description="at least this level")]
Done = Annotated[
    list[str] | None, Query(max_length=100, description="records of the set: what if only these were done")
]


def _finder(kind: str) -> Callable[..., dict[str, Any]]:
    def actions(
        owner: Owner,
        reader: Reader,
        identity: SignedIn,
        lang: Lang,
        code: str,
        of: Of = "level",
        goal: Goal = None,
        done: Done = None,
        as_of: AsOf = None,
    ) -> dict[str, Any]:
        return counterfactual(
            owner, reader, identity, kind, code, of=of, goal=goal or None, done=done, as_of=as_of, lang=lang
        )

    return actions


for _plural, _kind in KINDS.items():
    if _kind in EXPLAINED:
        router.get(
            f"/api/v1/{_plural}/{{code}}/actions",
            name=f"actions_{_kind}",
            tags=[_plural],
            summary=f"Few actions that lower the level of a {_kind}",
            responses=ERRORS,
        )(_finder(_kind))


@router.get("/actions/{kind}/{code}", include_in_schema=False)
def actions_page(
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    kind: str,
    code: str,
    of: Of = "level",
    goal: Goal = None,
    done: Done = None,
) -> HTMLResponse:
    """The actions as a list to tick, the colour when they are done, and gains beside contributions."""
    identity = page.session.identity
    answer = counterfactual(
        owner, reader, identity, kind, code, of=of, goal=goal or None, done=done, lang=page.lang
    )
    lines = [line for line in answer["contributions"] if line["gain"] and line["gain"] >= _LEAST]
    order = list(LEVELS.values())
    return page.show(
        "remedies.html",
        kind=kind,
        answer=answer,
        ticked=set(done) if done is not None else {one["record"] for one in answer["actions"]},
        lines=sorted(lines, key=lambda line: -line["gain"])[:_LINES],
        most=max((max(line["value"], line["gain"]) for line in lines), default=0),
        below=below,
        goals=[level for level in _GOALS if order.index(level) > order.index(answer["level"])],
        colours=COLOURS,
    )
