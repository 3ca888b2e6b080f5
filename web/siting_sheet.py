"""An opinion paper as a document: what its template says of a data part, as a page, a file of its own, or a PDF.

The PDF is made from the same document. Nothing is fetched: styles stand in it, fonts are the machine's and are embedded.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment

from layers.incident import RESOURCE_KINDS
from riskmap.clause_words import clause_words
from riskmap.errors import Unavailable
from riskmap.siting_matrix import MEASURES
from riskmap.siting_papers import at_limit
from riskmap.siting_words import place_words, why_of
from web.render import make_environment
from web.siting_drawing import drawing_of_site
from web.texts import translate, word

Row = dict[str, Any]
_STATIC = Path(__file__).resolve().parent / "static"
STYLES = ("zone_sheet.css", "siting_paper.css")
_CORNERS = 16
_NAMED = 8
_FIGURES = (*MEASURES, "volume_m3", "largest_m3", "years", "station_class")


def sheet_of(paper: Row, lang: str, today: date) -> Row:
    """What the template of a paper asks for, besides texts; `paper` as it is on file."""
    data = json.loads(paper["data"])
    verdict, proposal = data["verdict"], data["proposal"]
    rules = [{**row, "exactly": at_limit(row)} for row in verdict["rules"]]
    corners = _corners(data["map"]["site"])
    return {
        "d": data,
        "sha256": paper["sha256"],
        "replaced_by": paper["replaced_by"],
        "expired": date.fromisoformat(data["valid_until"]) < today,
        "drawing": drawing_of_site(data["map"], rules),
        "binding": next((row for row in rules if row["rule"] == verdict["binding"]), None),
        "table_a": [row for row in rules if not row["rule"].startswith("consequence.")],
        "table_b": [row for row in rules if row["rule"].startswith("consequence.")],
        "directions": [_direction(rules, one) for one in ("facility", "development")],
        "rescue": [
            (kind, [one for one in data["rescue"]["items"] if one["kind"] == kind]) for kind in RESOURCE_KINDS
        ],
        "gaps": _gaps(rules),
        "measures": [(name, proposal[name]) for name in _FIGURES if proposal.get(name) is not None],
        "corners": corners[:_CORNERS],
        "corners_more": max(len(corners) - _CORNERS, 0),
        "proposal_text": json.dumps(proposal, ensure_ascii=False, sort_keys=True),
        "why": partial(why_of, lang=lang),
        "kind_of": partial(kind_word, lang),
        "marked_kind": lambda one: word(
            lang, "target_class" if one["layer"] == "target" else "source_kind", one["kind"]
        ),
        "scored": partial(word, lang, "scored_kind"),
        "names": partial(_names, lang),
        "zone_change": _zone_change,
        "called": partial(_called, lang),
        "clauses": lambda rows: _joined(
            lang, (clause_words(one["clause"] or one["rule"], lang) for one in rows)
        ),
        "refused": partial(_refused, lang),
    }


def document_of(paper: Row, lang: str, today: date) -> str:
    """The paper as one HTML file that needs nothing besides."""
    return _environment().get_template("siting_paper_file.html").render(
        lang=lang,
        t=partial(translate, lang),
        word=partial(word, lang),
        inlined="\n".join((_STATIC / name).read_text("utf-8") for name in STYLES),
        **sheet_of(paper, lang, today),
    )  # fmt: skip


def pdf_of(document: str) -> bytes:
    """A document as PDF, its fonts embedded. Unavailable where the machine lacks the libraries that set the type."""
    try:
        from weasyprint import HTML  # noqa: PLC0415 - loads the system's libraries, which only this needs
    except OSError:
        raise Unavailable(
            "本机缺少排版库 Pango，不能生成 PDF", remedy="请运行 make setup，或先用 HTML 打印"
        ) from None
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it notes each style that is meant for screens
    made: bytes = HTML(string=document, url_fetcher=_nothing_from_outside).write_pdf()
    return made


def _nothing_from_outside(address: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"a paper asks for nothing besides itself, and not for {address}")


@cache
def _environment() -> Environment:
    return make_environment()


def kind_word(lang: str, kind: str) -> str:
    """What a kind of proposal is called."""
    known = word(lang, "source_kind", kind)
    return word(lang, "development_kind", kind) if known == kind else known


def _direction(rules: list[Row], direction: str) -> Row:
    """Of one direction how many rules there are, and the strictest that is not kept; they stand in order already."""
    rows = [row for row in rules if row["direction"] == direction]
    worst = next((row for row in rows if row["outcome"] not in {"admissible", "no_data"}), None)
    return {"direction": direction, "rules": len(rows), "worst": worst}


def _gaps(rules: Iterable[Row]) -> list[str]:
    """What nobody has data of, each once."""
    names = [row.get("object_zh") or row["clause"] for row in rules if row["reason"] == "no_data"]
    return list(dict.fromkeys(names))


def _corners(geometry: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The positions of a site's outline, each ring without its repeated end."""
    kind, at = geometry["type"], geometry["coordinates"]
    depth = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}[kind]
    rings = [[at]] if depth == 0 else [at] if depth == 1 else at if depth == 2 else [r for p in at for r in p]
    closed = depth >= 2
    return [(lon, lat) for ring in rings for lon, lat, *_ in (ring[:-1] if closed else ring)]


def _names(lang: str, members: list[Row]) -> str:
    told = _joined(lang, (one["name"] or one["code"] for one in members[:_NAMED]))
    more = translate(lang, "paper.zone_more", n=len(members)) if len(members) > _NAMED else ""
    return " ".join(part for part in (told, more) if part) or "—"


def _called(lang: str, one: Row) -> str:
    """What a place elsewhere is called; papers of before places were told by the way from a village's middle name it alone."""
    place = one.get("place")
    if place is None:
        return " ".join(one[name] for name in ("township", "village") if one.get(name))
    return place_words(place["village"], place["township"], place["distance_m"], place["bearing"], lang)


def _zone_change(zone: Row) -> str:
    """In a word what becomes of a zone."""
    if zone["formed"]:
        return "formed"
    if zone.get("ended"):
        return "ended"
    return "changed" if zone["joined"] or zone["left"] else "recoloured"


def _refused(lang: str, rows: list[Row]) -> str:
    told = (
        translate(
            lang,
            "paper.elsewhere_refused_one",
            clause=one["clause"] or one["rule"],
            cells=f"{one['cells']:,}",
        )
        for one in rows[:_NAMED]
    )
    return _joined(lang, told)


def _joined(lang: str, parts: Iterable[str]) -> str:
    return ("、" if lang == "zh" else ", ").join(parts)
