"""The public list of siting opinions (网上公开, 五.2): a page and a CSV file without applicants, persons or positions.

Whoever is signed in reads it, and everybody where the city says so; the database decides which rows there are.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from layers.parsing import is_formula
from layers.siting_papers import list_is_public, notices
from riskmap.clause_words import clause_words
from web.deps import CurrentSession, Lang, Reader, everybodys_rows
from web.pages import PER_PAGE, Number, Shown
from web.render import page_of, render
from web.siting_sheet import kind_word
from web.texts import translate, word

router = APIRouter(prefix="/siting", include_in_schema=False)
_MOST = 100_000
Column = tuple[str, Callable[[dict[str, Any]], Any]]
"""header and cell of a column"""


@router.get("/public")
def public(
    request: Request,
    reader: Reader,
    session: CurrentSession,
    lang: Lang,
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """The list, the newest first."""
    with everybodys_rows(reader, session, list_is_public) as rows:
        found, total = notices(rows, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
        told: dict[str, Any] = {
            "shown": Shown(found, total, number),
            "kind_of": lambda kind: kind_word(lang, kind),
        }
        if session is None:
            return render(request, "siting_public.html", **told)
        return page_of(request, session, rows).show("siting_public.html", **told)


@router.get("/public.csv", response_class=Response)
def public_csv(reader: Reader, session: CurrentSession, lang: Lang) -> Response:
    """The whole list as a CSV file that a spreadsheet opens as it is."""
    with everybodys_rows(reader, session, list_is_public) as rows:
        found, _ = notices(rows, limit=_MOST)
    headers = {"content-disposition": 'attachment; filename="siting.csv"'}
    return Response(csv_of(_columns(lang), found), media_type="text/csv; charset=utf-8", headers=headers)


def csv_of(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> bytes:
    """Rows as a CSV file that a spreadsheet opens as it is, without a cell that it would take for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([header for header, _ in columns])
    writer.writerows([_plain(cell(one)) for _, cell in columns] for one in rows)
    return text.getvalue().encode("utf-8-sig")


def _columns(lang: str) -> list[Column]:
    """The columns of the list."""

    def t(key: str) -> str:
        return translate(lang, key)

    return [
        (t("paper.number"), lambda one: one["number"]),
        (t("paper.replaces"), lambda one: one["replaces"]),
        (t("papers.state_replaced"), lambda one: one["replaced_by"]),
        (t("paper.project"), lambda one: one["name"]),
        (t("paper.kind"), lambda one: kind_word(lang, one["kind"])),
        (t("paper.stage"), lambda one: word(lang, "siting_stage", one["stage"])),
        (t("siting_public.township"), lambda one: one["township"]),
        (t("paper.area"), lambda one: one["area_m2"]),
        (t("paper.outcome"), lambda one: word(lang, "siting_outcome", one["verdict"])),
        (t("siting_public.clause"), lambda one: clause_words(one["clause"] or "", lang)),
        (t("papers.filed"), lambda one: one["filed_on"]),
        (t("paper.valid"), lambda one: one["valid_until"]),
        (t("paper.edition"), lambda one: one["edition"]),
        (t("siting_public.hash"), lambda one: one["sha256"]),
    ]


def _plain(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if is_formula(text) else text
