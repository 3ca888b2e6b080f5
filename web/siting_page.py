"""The page of siting: draw a place, say what is to stand there, see the verdict while it is moved; compare, search."""

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from jobs.incident import substance_names
from jobs.siting_papers import may_file
from layers.editions import edition_on
from layers.history import CLOCK
from layers.tiles import extent
from riskmap import __version__
from riskmap.consequence_words import distance_name
from riskmap.siting_findings import VERDICTS
from riskmap.siting_rules import STAGES, SitingRules
from riskmap.vocabulary import DEVELOPMENT_KINDS, LINE_KINDS, SOURCE_KINDS
from web import assets
from web.api import Record
from web.map import ANYWHERE
from web.render import Page, SignedPage
from web.texts import texts

router = APIRouter(prefix="/siting", include_in_schema=False)

CELLS_M = (50, 100, 200, 500, 1000)
_SCRIPTS = (
    *("symbols", "rules", "dom", "ground", "search"),
    *("siting_place", "siting_rows", "siting_compare", "siting_cells", "siting"),
)
_WORD_GROUPS = (
    *("siting", "siting_outcome", "siting_measure", "source_kind", "development_kind", "target_class"),
    *("map", "area_level", "resource_kind", "layer", "level_short"),
)


@router.get("")
def siting_page(page: SignedPage) -> HTMLResponse:
    """The form, the map, and room for verdict, comparison and search; the scripts ask the interface."""
    rules = SitingRules.from_edition(edition_on(page.connection, datetime.now(CLOCK).date()))
    return page.show(
        "siting.html",
        verdicts=VERDICTS,
        may_file=may_file(page.session.identity),
        stages=STAGES,
        kinds={"facility": SOURCE_KINDS, "development": DEVELOPMENT_KINDS},
        cells_m=CELLS_M,
        substances=substance_names(page.connection, page.lang),
        config=_config(page, rules),
        styles=[
            *(assets.address(name) for name in ("leaflet_css", "awesome_markers_font_css")),
            *(f"/static/{name}.css?v={__version__}" for name in ("search", "siting")),
        ],
        scripts=[
            *(assets.address(name) for name in ("leaflet", "protomaps")),
            *(f"/static/{name}.js?v={__version__}" for name in _SCRIPTS),
        ],
    )


def _config(page: Page, rules: SitingRules) -> Record:
    """What the scripts are told: where the map opens, what sizes a kind is told by, and the words."""
    west, south, east, north = extent(page.connection, page.session.identity.area_code) or ANYWHERE
    groups = tuple(f"{group}." for group in _WORD_GROUPS)
    measures: dict[str, list[str]] = {kind: [] for kind in DEVELOPMENT_KINDS if kind not in LINE_KINDS}
    for step in rules.matrix.steps:
        known = measures.setdefault(step.kind, [])
        if step.measure and step.measure not in known:
            known.append(step.measure)
    return {
        "bounds": [[south, west], [north, east]],
        "verdicts": VERDICTS,
        "measures": {kind: known or ["people"] for kind, known in measures.items()},
        "developments": DEVELOPMENT_KINDS,
        "distances": {
            name: distance_name(name, page.lang) for name in sorted({of.result for of in rules.zones})
        },
        "effects": page.session.identity.sees_city,
        "texts": {key: text for key, text in texts(page.lang).items() if key.startswith(groups)},
    }
