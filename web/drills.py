"""Drills: whom one would reach, begun after that was looked at, ended by hand, and what came of each, to print."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from jobs.drills import end_drill, may_drill, plan_drill, start_drill
from layers.drills import drills_told
from riskmap.alert_life import PROOFS
from riskmap.drills import Scenario, reached, scenario_of
from riskmap.errors import Forbidden, RiskMapError
from riskmap.vocabulary import LEVELS, words
from web.deps import Owner
from web.render import Page, SignedPage
from web.warning_cards import number_of

router = APIRouter(include_in_schema=False)

MINUTES = (15, 30, 60, 120, 240)
_MOST = 20
_Text = Annotated[str, Form(max_length=64)]


@router.get("/alerts/drills")
def drills(page: SignedPage) -> HTMLResponse:
    """Every drill with its report, newest first; for those who see the city."""
    return _page(page)


@router.post("/alerts/drills")
def plan_or_begin(
    page: SignedPage,
    owner: Owner,
    name: _Text = "",
    source: _Text = "",
    level: _Text = "red",
    minutes: Annotated[int, Form(ge=1, le=1440)] = 60,
    confirmed: _Text = "",
) -> Response:
    """Show whom a drill would reach; begin it once that was confirmed."""
    if not may_drill(page.session.identity):
        raise Forbidden("只有管理员和市级用户可以组织演练", remedy="请联系市级值班室")
    given = {"name": name, "source": source, "level": level, "minutes": minutes}
    try:
        wanted = scenario_of({key: value for key, value in given.items() if value})
        if not confirmed:
            return _page(page, given=given, plan=_planned(plan_drill(owner, wanted)))
        start_drill(owner, page.session.identity, wanted)
    except RiskMapError as error:
        if error.status >= 500:
            raise
        return _page(page, given=given, error=error)
    return RedirectResponse("/alerts/drills?done=begun", 303)


@router.post("/alerts/drills/{code}/end")
def end(page: SignedPage, owner: Owner, code: Annotated[str, Path(max_length=64)]) -> Response:
    """End a drill now."""
    try:
        end_drill(owner, page.session.identity, code)
    except RiskMapError as error:
        if error.status != 404:
            raise
        return _page(page, error=error)
    return RedirectResponse("/alerts/drills?done=ended", 303)


def _page(
    page: Page,
    *,
    given: dict[str, Any] | None = None,
    plan: dict[str, Any] | None = None,
    error: RiskMapError | None = None,
) -> HTMLResponse:
    if not page.session.identity.sees_city:
        raise Forbidden("演练由市级值班室组织和查看", remedy="请联系市级值班室")
    usual = Scenario(name=page.text("drills.usual_name"))
    return page.show(
        "drills.html",
        status_code=error.status if error else 200,
        drills=[_told(row) for row in drills_told(page.connection, _MOST)],
        may_drill=may_drill(page.session.identity),
        given=given
        or {"name": usual.name, "source": "", "level": LEVELS[usual.level], "minutes": usual.minutes},
        plan=plan,
        error=error,
        done=page.request.query_params.get("done", ""),
        levels=tuple(LEVELS.values())[:3],
        minutes=MINUTES,
        proofs=PROOFS,
        reasons=words(page.lang)["alert_why"],
    )


def _planned(plan: dict[str, Any]) -> dict[str, Any]:
    """A dry run by person, with all channels that each would be told by, and each text once."""
    people: dict[str, dict[str, Any]] = {}
    for one in plan["messages"]:
        people.setdefault(one["person"], one | {"channels": []})["channels"].append(one["channel"])
    texts = list(dict.fromkeys(one["text"] for one in plan["messages"]))
    return plan | {"people": list(people.values()), "texts": texts}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A drill with what it reached; it lasts until it was put away or ended by hand."""
    people = reached(row["started_at"], row["warnings"])
    return row | {
        "lasts": row["archived_at"] is None and row["ended_at"] is None,
        "people": people,
        "numbers": [number_of(one) for one in row["warnings"]],
        "signed": sum(one.took_s["signed"] is not None for one in people),
        "texts": list(
            dict.fromkeys(message["text"] for one in row["warnings"] for message in one["messages"])
        ),
    }
