"""The relocation list (搬迁建议清单, 六.4): a page, a CSV file, and the same for programs and for the command."""

from functools import partial
from threading import BoundedSemaphore
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from jobs.siting_relocation import relocations
from layers.database import Identity
from layers.status import township_names
from web.api import ERRORS, Record
from web.deps import Lang, Owner, Rows, SignedIn
from web.render import SignedPage
from web.siting_public import Column, csv_of
from web.texts import translate, word
from web.turns import turn

router = APIRouter()
_pages = APIRouter(prefix="/siting/relocation", include_in_schema=False)
_api = APIRouter(prefix="/api/v1/siting/relocation", tags=["siting"], responses=ERRORS)
_AT_ONCE = BoundedSemaphore(1)
"""one list is computed at a time: it goes over the whole city"""
_PATIENCE_S = 60.0
_AREAS = ("grid", "village", "township", "city")


def listed(owner: Engine, identity: Identity) -> Record:
    """The list, computed now. Busy where others wait for theirs."""
    with turn(_AT_ONCE, _PATIENCE_S, "正在计算搬迁建议清单的人较多"):
        return relocations(owner, identity)


@_pages.get("")
def page_of_list(page: SignedPage, owner: Owner) -> HTMLResponse:
    """The list to read and to print."""
    found = listed(owner, page.session.identity)
    names = township_names(page.connection)
    return page.show("siting_relocation.html", found=found, townships=names)


@_pages.get(".csv", response_class=Response)
def csv_file(owner: Owner, rows: Rows, identity: SignedIn, lang: Lang) -> Response:
    """The list as a CSV file that a spreadsheet opens as it is."""
    found = listed(owner, identity)
    names = township_names(rows)
    headers = {"content-disposition": 'attachment; filename="relocation.csv"'}
    return Response(as_csv(found, names, lang), media_type="text/csv; charset=utf-8", headers=headers)


@_api.get("")
def for_programs(owner: Owner, identity: SignedIn) -> Record:
    """Hazardous chemicals in densely peopled areas, those first whose leaving takes most inherent risk away.

    `risk_removed` is in person-points, computed without the source; `areas` tell score and colour as they are and as
    they would be. Threshold and radius are of the edition (`editions.relocation`), ours. Writes nothing.
    """
    return listed(owner, identity)


def as_csv(found: Record, townships: dict[str, str], lang: str) -> bytes:
    """The list as a spreadsheet reads it; areas before and after in columns of their own."""

    def t(key: str) -> str:
        return translate(lang, f"relocation.{key}")

    columns: list[Column] = [
        (t("rank"), lambda one: one["rank"]),
        (t("code"), lambda one: one["code"]),
        (t("source"), lambda one: one["name"]),
        (t("kind"), lambda one: word(lang, "source_kind", one["kind"])),
        (t("township"), lambda one: townships.get(one["township_code"], one["township_code"])),
        (t("removed"), lambda one: one["risk_removed"]),
        (t("people"), lambda one: one["people"]),
        (t("density"), lambda one: one["density_per_km2"]),
        (t("homes"), lambda one: one["homes"]),
        (t("targets"), lambda one: one["targets"]),
    ]
    for level in _AREAS:
        named = word(lang, "area_level", level)
        columns += [
            (f"{named} {t('now')}", partial(_of, level, "score")),
            (f"{named} {t('then')}", partial(_of, level, "score_after")),
        ]
    return csv_of(columns, found["items"])


def _of(level: str, field: str, one: Record) -> Any:
    return next((area[field] for area in one["areas"] if area["kind"] == level), None)


for _part in (_pages, _api):
    router.include_router(_part)
