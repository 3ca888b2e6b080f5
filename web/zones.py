"""Joint-control zones 联防联控片区 on pages: the list, one zone with its ledger, and what is written into it."""

from dataclasses import asdict, dataclass
from secrets import token_hex
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection, Engine

from jobs.zone_explain import explain_zone
from jobs.zone_ledger import Ledger, Note, confirm, ledgers, may_confirm, may_record, record
from layers.editions import edition_on
from layers.history import Moment
from layers.status import township_names
from layers.tiles import extent
from layers.zone_ended import End, ended_zones, member_names, zone_names, zone_or_last
from layers.zone_persons import persons_of
from layers.zone_view import Counts, count_zones, sites_of
from layers.zones import ZoneFilters, told_by, zone_list
from riskmap import __version__
from riskmap.errors import NotFound, RiskMapError
from riskmap.vocabulary import ZONE_RECORD_KINDS
from riskmap.zone_ledger import STATES
from riskmap.zone_rules import zones_table
from web import assets
from web.deps import AsOf, Owner, Reader, past_for
from web.map import ANYWHERE
from web.pages import PER_PAGE, Number, Shown, Text
from web.render import Page, SignedPage
from web.risen import Level
from web.texts import texts
from web.zone_words import due_told, end_told, event_told, format_words, industry_words

router = APIRouter(include_in_schema=False)

Row = dict[str, Any]
ZonesThen = Annotated[Moment | None, Depends(past_for(levels=False))]
"""The moment of the past that is asked for: zones are as their last run by then left them, nothing is computed."""
KINDS = ("adjacent", "domino", "similar")
MOST_WHAT_IF_M = 2000
_SCRIPTS = ("symbols", "rules", "dom", "ground", "zones")
_WORD_GROUPS = ("map.", "zones.", "zone_link.", "level_short.", "level.", "scale.")
_RECORDED = tuple(kind for kind in ZONE_RECORD_KINDS if kind != "confirm")
_NO_ZONE = "片区编号是 Z 加 10 位，终身不变；请核对编号，或从片区列表进入（已终止的片区列在该页末尾）"
_LONG, _SHORT = Form(max_length=4000), Form(max_length=200)
_State = Annotated[str, Query(pattern=f"^({'|'.join(STATES)})?$")]
_Kind = Annotated[str, Query(pattern=f"^({'|'.join(KINDS)})?$")]


@router.get("/zones")
def zones(
    then: ZonesThen,
    page: SignedPage,
    township: Text = "",
    level: Level = "",
    kind: _Kind = "",
    state: _State = "",
    text: Text = "",
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """The zones that the reader may see, the worst first, on a map and as a list, each with the state of its ledger."""
    rows = page.connection
    counts = count_zones(rows, then)
    kept = ledgers(rows, counts.codes, then=then)
    wanted = ZoneFilters(
        township=township or None, level=level or None, kind=kind or None, text=text.strip() or None
    )
    start = (number - 1) * PER_PAGE
    found = zone_list(
        rows,
        then=then,
        filters=wanted,
        worst=True,
        limit=None if state else PER_PAGE,
        offset=0 if state else start,
    )
    items, total = found.items, found.total
    if state:
        chosen = [one for one in items if kept[one["code"]].state == state]
        items, total = chosen[start : start + PER_PAGE], len(chosen)
    return page.show(
        "zones.html",
        past=told_by(rows, then) if then else None,
        wanted=wanted,
        kinds=KINDS,
        state=state,
        states=STATES,
        counts=_counts(counts, kept),
        ledgers=kept,
        townships=township_names(rows),
        shown=Shown(items, total, number),
        ended=[] if then else _ended_told(page),
        most_m=MOST_WHAT_IF_M,
        config=_list_config(page, len(counts.codes)),
        **(drawn() if counts.codes else drawn() | {"scripts": []}),
    )


def _counts(counts: Counts, kept: dict[str, Ledger]) -> Row:
    overdue = sum(one.state == "overdue" for one in kept.values())
    return {
        "total": len(counts.codes),
        "across": counts.across,
        "severe": counts.severe,
        "overdue": overdue,
    }


def _list_config(page: Page, now: int) -> Row:
    west, south, east, north = extent(page.connection, page.session.identity.area_code) or ANYWHERE
    return {"bounds": [[south, west], [north, east]], "now": now, "texts": _texts(page), "zone": None}


def _ended_told(page: Page) -> list[Row]:
    """The zones that have ended, with the words of it and the names of those that they went into."""
    found = ended_zones(page.connection)
    names = zone_names(page.connection, {one["other"] for one in found if one["other"]})
    return [one | {"into": names.get(one["other"])} for one in found]


def drawn() -> Row:
    """The scripts and styles of a page with a map of zones."""
    return {
        "styles": [
            *(assets.address(name) for name in ("leaflet_css", "awesome_markers_font_css")),
            f"/static/zones.css?v={__version__}",
        ],
        "scripts": [
            *(assets.address(name) for name in ("leaflet", "protomaps")),
            *(f"/static/{name}.js?v={__version__}" for name in _SCRIPTS),
        ],
    }


def _texts(page: Page) -> dict[str, str]:
    return {key: text for key, text in texts(page.lang).items() if key.startswith(_WORD_GROUPS)}


# --- one zone -----------------------------------------------------------------------------------------------


@router.get("/zones/{code}")
def zone(
    then: ZonesThen,
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    code: str,
    as_of: AsOf = None,
    change: Text = "",
    saved: Annotated[int | None, Query(ge=0)] = None,
) -> HTMLResponse:
    """One zone: who is in it and why, its risk, what became of it, and its ledger with forms for who keeps it."""
    return _zone_page(page, owner, reader, code, then=then, as_of=as_of, change=change, saved=saved)


def _zone_page(
    page: Page,
    owner: Engine,
    reader: Engine,
    code: str,
    *,
    then: Moment | None = None,
    as_of: str | None = None,
    change: str = "",
    saved: int | None = None,
    problem: RiskMapError | None = None,
    given: Row | None = None,
) -> HTMLResponse:
    """The page of a zone; after a form that was not taken with the `problem` and what was `given`."""
    rows, identity = page.connection, page.session.identity
    known = known_zone(rows, code, then)
    found, ledger, ended = known.zone, known.ledger(rows), known.ended
    names = _names(rows, found, known.then)
    account = None
    if found["score"] is not None:
        account = explain_zone(owner, reader, identity, code, as_of=as_of, lang=page.lang)
    events = [event_told(page.lang, one, names) for one in found["lineage"]]
    waiting = {(one.run_id, one.kind) for one in ledger.waiting}
    record = next((one for one in ledger.records if change and one["code"] == change), None)
    others = zone_names(rows, {one["other"] for one in events if one["other"]})
    table = zones_table(edition_on(rows, ledger.day))
    return page.show(
        "zone.html",
        status_code=problem.status if problem else 200,
        past=told_by(rows, then) if then else None,
        ended=ended,
        others=others,
        zone=found,
        layers={one["code"]: one["layer"] for one in found["member_records"]},
        industries=industry_words(table, found["industries"], page.lang),
        formats=format_words(table, found["formats"], page.lang),
        account=account,
        lineage=events,
        ledger=ledger,
        dues=[due_told(page.lang, one) for one in ledger.dues],
        record_kinds=_RECORDED,
        given=given or record or asdict(Note("", code=f"{code}-{token_hex(5)}")),  # sent twice it is one
        changed=record,
        may_record=known.then is None and may_record(identity, found),
        may_confirm=known.then is None and may_confirm(identity, found, ledger),
        waiting=[one for one in events if (one["run_id"], one["kind"]) in waiting],
        persons=[] if ended else phone_list(rows, found, ledger),
        townships=township_names(rows),
        saved=saved,
        problem=problem,
        config=_zone_config(page, found),
        **drawn(),
    )


def _zone_config(page: Page, found: Row) -> Row:
    members = [
        {name: one[name] for name in ("code", "name", "level", "lon", "lat")}
        for one in found["member_records"]
    ]
    drawn_zone = {"geometry": found["geometry"], "members": members, "links": found["links"]}
    return {"bounds": None, "texts": _texts(page), "zone": drawn_zone}


@dataclass(frozen=True, slots=True)
class Known:
    """A zone as the reader may know it, and the moment it is told of: of one that has ended, just before its end."""

    zone: Row
    then: Moment | None
    ended: End | None

    def ledger(self, connection: Connection) -> Ledger:
        """Its ledger, judged today, or on the day it is told of."""
        code = self.zone["code"]
        if self.ended:
            return ledgers(connection, [code], then=self.ended.last, today=self.ended.day)[code]
        return ledgers(connection, [code], then=self.then)[code]


def known_zone(connection: Connection, code: str, then: Moment | None) -> Known:
    """A zone, each of its members with the point that stands for it; NotFound where there never was one for the reader."""
    told = zone_or_last(connection, code, then, geometry=True)
    if told is None:
        raise NotFound(f"没有编号为 {code[:64]} 的片区，或无权查看", remedy=_NO_ZONE)
    found, then, ended = told
    sites = sites_of(connection, found["members"], then)
    for one in found["member_records"]:
        site = sites.get(one["code"])
        one.update(lon=site and site.lon, lat=site and site.lat)
    names = {one["code"]: one["name"] for one in found["member_records"]}
    for one in found["links_across"]:
        one["a_name"] = names.get(one["a"])
    return Known(found | {"ended": ended and end_told(ended, found["lineage"])}, then, ended)


def _names(connection: Connection, found: Row, then: Moment | None) -> dict[str, str]:
    """The names of all sites that a zone's lineage tells of, as far as the reader may see them."""
    codes = {one["code"] for event in found["lineage"] for one in event["causes"]}
    codes |= {
        code for event in found["lineage"] for code in (*event["joined_members"], *event["left_members"])
    }
    known = {code: site.name for code, site in sites_of(connection, codes, then).items()}
    return member_names(connection, codes - known.keys()) | known


def phone_list(connection: Connection, found: Row, ledger: Ledger) -> list[Row]:
    """Whom to call: the contacts that the ledger names for the whole zone, then who answers for its parts."""
    contacts = [
        {
            "role": "contact",
            "person": one["title"],
            "phone": one["phone"],
            "department": None,
            "of": [one["unit_name"] or found["name"]],
        }
        for one in ledger.records
        if one["kind"] == "contact" and one["whole"]
    ]
    return contacts + persons_of(connection, found, ledger.day)


@router.post("/zones/{code}/records")
def add_record(
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    code: str,
    kind: Annotated[str, _SHORT],
    title: Annotated[str, _SHORT] = "",
    done_on: Annotated[str, _SHORT] = "",
    due_on: Annotated[str, _SHORT] = "",
    unit_code: Annotated[str, _SHORT] = "",
    unit_name: Annotated[str, _SHORT] = "",
    phone: Annotated[str, _SHORT] = "",
    note: Annotated[str, _LONG] = "",
    record_code: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Write one record of the ledger from the form; what is wrong with it is told at the form."""
    given = Note(kind, title, done_on, due_on, unit_code.strip(), unit_name, phone, note, record_code)
    try:
        made = record(owner, reader, page.session.identity, code, given)
    except RiskMapError as error:
        if error.status not in (409, 422):
            raise
        return _zone_page(page, owner, reader, code, problem=error, given=asdict(given))
    return RedirectResponse(f"/zones/{quote(code)}?saved={made['rev'] or 0}#ledger", 303)


@router.post("/zones/{code}/confirm")
def confirm_members(
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    code: str,
    run_id: Annotated[int, Form(ge=0)],
    note: Annotated[str, _LONG] = "",
) -> Response:
    """Confirm the members that the page showed."""
    made = confirm(owner, reader, page.session.identity, code, run_id, note=note)
    return RedirectResponse(f"/zones/{quote(code)}?saved={made['rev'] or 0}#ledger", 303)
