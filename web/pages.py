"""A plain page per word: what is on file, its level with its scale, and why; nothing a picture alone would say."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from jobs.demo_feed import Feeds, feeds
from jobs.explain import explain
from layers import dangers, duty, ledger
from layers.computed import told_by
from layers.editions import edition_table
from layers.fields import TABLES
from layers.records import Filters, fetch
from layers.records import Page as Records
from layers.risk import last_run
from layers.sensors import pulse
from layers.status import township_names
from riskmap.errors import NotFound
from riskmap.vocabulary import SOURCE_KINDS
from riskmap.wording import GROUPS
from web.columns import COLUMNS, facts_of, record_address
from web.deps import AsOf, Owner, Past, Reader
from web.render import Page, SignedPage
from web.risen import Level, Scale, risen_most, with_causes

router = APIRouter(include_in_schema=False)

PER_PAGE = 100
_EXPLAINED = ("source", "enterprise", "grid", "village", "township", "city", "overlay")
_WORST = 12

Number = Annotated[int, Query(ge=1, le=100_000)]
Text = Annotated[str, Query(max_length=100)]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a list: its items and where in the whole it stands."""

    items: list[Any]
    total: int
    page: int
    size: int = PER_PAGE

    @property
    def first(self) -> int:
        """Number of the first item shown, from 1."""
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        """Number of the last item shown."""
        return self.first + len(self.items) - 1


@router.get("/risk")
def risk(
    then: Past,
    page: SignedPage,
    township: Text = "",
    sort: Scale = "base",
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """Both risks by township and village with what raised them, shares of the burden; the run; what lies elsewhere."""
    rows = page.connection
    townships = _with_shares(
        with_causes(page, fetch(rows, "township", then=then, worst=sort).items, then),
        whole=page.session.identity.sees_city,
    )
    names = {one["code"]: one["name"] for one in townships}
    chosen = _chosen(page, township, names)
    villages = (
        fetch(rows, "village", then=then, worst=sort, filters=Filters(township=chosen)).items
        if chosen
        else []
    )
    run, told = last_run(rows), told_by(rows, then)
    return page.show(
        "risk.html",
        past=told if then else None,
        city=only(fetch(rows, "city", then=then).items),
        scale=_scale(page, told["edition"]) if told["edition"] else None,
        townships=townships,
        villages=_with_shares(with_causes(page, villages, then), whole=True),
        sort=sort,
        most_share=max((one["share"] or 0 for one in townships), default=0),
        chosen=chosen,
        chosen_name=names.get(chosen, chosen),
        names=names,
        result_hash=bytes(run["result_hash"]).hex() if run else "",
        shown=_shown(ledger.misplaced(rows, PER_PAGE, (number - 1) * PER_PAGE), number),
    )


@router.get("/sources")
def sources(
    then: Past,
    page: SignedPage,
    what: Annotated[str, Query(pattern="^(source|enterprise)$")] = "source",
    township: Text = "",
    base_level: Level = "",
    rise_level: Level = "",
    kind: Text = "",
    text: Text = "",
    sort: Scale = "base",
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """Hazard sources or enterprises, the worst first by inherent risk or by what has risen."""
    wanted = Filters(
        township=township or None,
        base_level=base_level or None,
        rise_level=rise_level or None,
        kind=kind or None,
        text=text.strip() or None,
    )
    found = fetch(
        page.connection,
        what,
        then=then,
        filters=wanted,
        limit=PER_PAGE,
        offset=(number - 1) * PER_PAGE,
        worst=sort,
    )
    return page.show(
        "sources.html",
        past=told_by(page.connection, then) if then else None,
        what=what,
        wanted=wanted,
        sort=sort,
        kinds=SOURCE_KINDS,
        townships=township_names(page.connection),
        shown=_shown(found, number),
    )


@router.get("/explain/{kind}/{code}")
def explained(
    then: Past, page: SignedPage, owner: Owner, reader: Reader, kind: str, code: str, as_of: AsOf = None
) -> HTMLResponse:
    """Why a source, an enterprise or an area has its score: every contribution, with its basis, down to the sum."""
    found = fetch(page.connection, kind, code, then=then).items if kind in _EXPLAINED else []
    if not found:
        raise NotFound(f"没有编码为 {code} 的记录，或无权查看", remedy="请从列表或地图进入")
    account = explain(owner, reader, page.session.identity, kind, code, as_of=as_of, lang=page.lang)
    lines = sorted(account["contributions"], key=lambda one: (GROUPS.index(one["group"]), -abs(one["value"])))
    return page.show(
        "explain.html",
        past=account if then else None,
        kind=kind,
        record=found[0],
        account=account,
        groups=[(group, [*members]) for group, members in groupby(lines, key=itemgetter("group"))],
        record_address=record_address,
        kind_word=page.word("source_kind", found[0]["kind"])
        if kind == "source"
        else page.word("thing", kind),
        facts=facts_of(page, kind, found[0], township_names(page.connection)),
        most=max((one["value"] for one in lines), default=0),
    )


@router.get("/dangers")
def danger_ledger(
    page: SignedPage,
    township: Text = "",
    state: Annotated[str, Query(pattern="^(all|open|overdue|closed)?$")] = "open",
    grade: Annotated[str, Query(pattern="^(major|general)?$")] = "",
    text: Text = "",
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """The ledger of hidden dangers, the open ones first."""
    wanted = dangers.Wanted(
        township or None, None if state == "all" else state or None, grade or None, text.strip() or None
    )
    found = dangers.ledger(page.connection, wanted, PER_PAGE, (number - 1) * PER_PAGE)
    return page.show(
        "dangers.html",
        wanted=wanted,
        states=dangers.STATES,
        counts=dangers.counts(page.connection, wanted.township),
        townships=township_names(page.connection),
        shown=_shown(found, number),
    )


@router.get("/duty")
def duty_roster(page: SignedPage, township: Text = "") -> HTMLResponse:
    """Who answers for which area, and where someone is missing; a limited reader sees the own part."""
    rows, identity = page.connection, page.session.identity
    names = township_names(rows)
    chosen = _chosen(page, township, names)
    counts_hold = identity.sees_city or identity.role == "township"
    covered = duty.coverage(rows, None if identity.sees_city else chosen) if counts_hold else []
    missing, in_all = duty.gaps(rows, chosen) if chosen and counts_hold else ([], 0)
    return page.show(
        "duty.html",
        covered=covered,
        chosen=chosen if counts_hold else "",
        chosen_name=names.get(chosen, chosen),
        missing=missing,
        more=in_all - len(missing),
        persons=duty.roster(rows, chosen or None) if chosen or not counts_hold else [],
    )


@router.get("/zones/external")
def zones_external(
    page: SignedPage, township: Text = "", number: Annotated[Number, Query(alias="page")] = 1
) -> HTMLResponse:
    """Consequence zones imported from approved studies."""
    return _ledger(page, "zones_external", "zone_external", township, number)


@router.get("/targets")
def targets(
    page: SignedPage, township: Text = "", number: Annotated[Number, Query(alias="page")] = 1
) -> HTMLResponse:
    """The protected targets that distances are kept to."""
    return _ledger(page, "targets", "target", township, number)


@router.get("/events")
def events(
    page: SignedPage,
    township: Text = "",
    code: Text = "",
    sensor: Text = "",
    source: Text = "",
    readings: bool = False,
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """Events as they came in, the newest first; plain readings only where asked for; how the sensors report.

    One event alone by its `code`, all of one `sensor`, its readings too, or those of one `source`.
    """
    now, wanted = datetime.now(UTC), page.request.app.state.settings.demo_feed
    flow = Feeds(pulse(page.connection, now), None, None)
    if page.session.identity.sees_city:  # from a few sensors nobody can tell whether the whole feed goes on
        flow = feeds(page.connection, now, wanted=wanted)
    shown = readings or bool(code or sensor)
    limits = {"code": code, "sensor_code": sensor, "source_code": source}
    return _ledger(page, "events", "event", township, number, readings=shown, flow=flow, **limits)


@router.get("/wall")
def wall(page: SignedPage, scale: Annotated[Scale, Query(alias="map")] = "rise") -> HTMLResponse:
    """The state of the city on a large screen, what has risen before what is inherent; refreshes itself."""
    rows = page.connection
    townships = with_causes(page, fetch(rows, "township", worst=scale).items)
    return page.show(
        "wall.html",
        city=only(fetch(rows, "city").items),
        scale=scale,
        townships=townships,
        names={one["code"]: one["name"] for one in townships},
        worst=worst_of(page, scale, 8),
        major=ledger.count_graded(rows),
        counts=dangers.counts(rows),
    )


def worst_of(page: Page, scale: str, limit: int) -> list[Row]:
    """What stands first on the phone and the wall: what has risen most, or the highest inherent risk."""
    if scale == "rise":
        return risen_most(page, limit)
    found = fetch(page.connection, "source", limit=limit, worst="base").items
    return [one | {"what": "source", "cause": None} for one in found]


def _ledger(
    page: Page,
    word_key: str,
    layer: str,
    township: str,
    number: int,
    *,
    readings: bool = True,
    flow: Feeds | None = None,
    **equal: str,
) -> HTMLResponse:
    """The list of one layer: its columns are named in `web.columns`; `equal` limits it to what has these values."""
    start = (number - 1) * PER_PAGE
    found = ledger.list_layer(
        page.connection, layer, PER_PAGE, start, township or None, readings=readings, **equal
    )
    names = township_names(page.connection)
    columns = COLUMNS[layer]
    cells = [[column.cell(page, row, names) for column in columns] for row in found.items]
    return page.show(
        "ledger.html",
        word_key=word_key,
        layer=TABLES[layer].name,
        columns=[(page.text(column.label), column.numeric) for column in columns],
        chosen=township,
        readings=readings,
        flow=flow,
        alone=any(equal.values()),
        townships=names,
        shown=_shown(Records(cells, found.total), number),  # type: ignore[arg-type]
    )


def _shown(found: Records, number: int) -> Shown:
    return Shown(found.items, found.total, number)


def only(items: list[Row]) -> Row | None:
    """The one record that was asked for; None where there is none."""
    return items[0] if items else None


def _scale(page: Page, edition: str) -> Row:
    """The figures that the page explains scores with, from the edition that made them."""
    risk = edition_table(page.connection, edition, "risk")
    comma = "、" if page.lang == "zh" else ", "
    edges = {name: comma.join(map(str, risk["edges"][name])) for name in ("ordinary", "city", "rise")}
    return {**risk["worst_placed"], **edges, "edition": edition}


def _chosen(page: Page, asked: str, names: dict[str, str]) -> str:
    """The township a page is about: the one asked for, else a township reader's own."""
    identity = page.session.identity
    own = identity.area_code if identity.role == "township" else None
    chosen = asked or own or ""
    return chosen if chosen in names else ""


def _with_shares(areas: list[Row], *, whole: bool) -> list[Row]:
    """Each area with its share of the burden of all that are listed; None where the reader does not see the whole."""
    total = sum(one.get("burden") or 0 for one in areas) if whole else 0
    return [one | {"share": (one.get("burden") or 0) / total if total else None} for one in areas]
