"""The grades of major hazard sources over time: what changed and why, and what each source owes its file."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from layers.history import CLOCK
from layers.regrading import grade_changes, reassessments
from layers.status import township_names
from web.deps import Rows
from web.render import SignedPage

router = APIRouter()
_MOST = 500


@router.get("/sources/grades", include_in_schema=False)
def grades(page: SignedPage) -> HTMLResponse:
    """Grade changes, newest first, and the list of assessments, filings and cancellations that are due."""
    rows = page.connection
    return page.show(
        "grades.html",
        changes=grade_changes(rows, limit=_MOST),
        tasks=reassessments(rows, datetime.now(CLOCK).date()),
        townships=township_names(rows),
    )


@router.get("/api/v1/grade-changes", tags=["sources"])
def changes(
    rows: Rows,
    code: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> dict[str, Any]:
    """Every change of a GB 18218 grade with run, time and cause, newest first."""
    items = grade_changes(rows, code, limit)
    return {"items": items, "total": len(items), "next": None}


@router.get("/api/v1/reassessments", tags=["sources"])
def due(rows: Rows) -> dict[str, Any]:
    """Assessments, filings (备案) and cancellations (核销) that sources owe, overdue ones first."""
    items = reassessments(rows, datetime.now(CLOCK).date())
    return {"items": items, "total": len(items), "next": None}
