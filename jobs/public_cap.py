"""A warning to the public that was approved becomes a CAP message: an alert, updates, a cancellation; kept byte for byte."""

import json
from datetime import datetime
from typing import Any

import shapely
from sqlalchemy import Connection

from jobs.cap_warnings import as_kept, sender_of
from layers.cap_rings import covering_rings
from layers.cap_store import keep_cap, outlines_of, public_messages_before
from layers.city import stored_city
from layers.schema import SCOPE
from riskmap.cap import MsgType, Ring
from riskmap.cap_alerts import Approval, Outgoing, Wording
from riskmap.public_warnings import KINDS, PublicWarning, Said, issuer, over_text
from riskmap.settings import City
from riskmap.vocabulary import LEVELS, words

Row = dict[str, Any]
_URGENT = 2
_RESPONSES = ("Prepare", "Avoid")


def city_names(city: City) -> dict[str, str]:
    """What the city is called, by language."""
    return {"zh": city.name, "en": city.name_en or city.name}


def tell_public(
    connection: Connection, row: Row, one: PublicWarning, at: datetime, rev: int, *, over: str | None = None
) -> None:
    """Write the message of an approved version in the revision that is open; with `over`, why it was lifted, its end."""
    city = stored_city(connection)
    earlier = public_messages_before(connection, row["series"])
    msg_type: MsgType = "Cancel" if over is not None else "Update" if earlier else "Alert"
    said = {lang: over_text(one, over, lang) if over is not None else one.said[lang] for lang in one.said}
    out = Outgoing(
        code=f"{city.code}-{row['series']}",
        n=len(earlier) + 1,
        sender=sender_of(city),
        sent=max([at, *(message.sent for message in earlier)]),
        msg_type=msg_type,
        level=LEVELS[one.level],  # type: ignore[arg-type]
        wording={lang: _wording(city_names(city)[lang], one, said[lang], lang) for lang in said},
        onset=row["approved_at"],
        expires=one.until,
        category=KINDS[one.kind],
        urgency="Immediate" if one.level <= _URGENT else "Expected",
        certainty="Likely",
        responses=_RESPONSES,
        rings=_rings(connection, row),
        geocodes=tuple(("行政区划代码", code) for code in row["townships"]),
        approval=Approval(one.number, one.signatory, row["approved_at"]),
        earlier=earlier,
    )
    about = {"public_code": row["series"], "rev": rev, **dict.fromkeys(SCOPE)}
    keep_cap(connection, [as_kept(out) | about])


def _wording(city: str, one: PublicWarning, said: Said, lang: str) -> Wording:
    return Wording(
        event=words(lang)["public_kind"][one.kind],
        headline=said.title,
        description=said.text,
        instruction=said.advice,
        area=said.area,
        sender_name=issuer(city, lang),
    )


def _rings(connection: Connection, row: Row) -> tuple[Ring, ...]:
    """What was drawn, else the outlines of the townships."""
    if row["outline"] is not None:
        return covering_rings(shapely.from_geojson(json.dumps(row["outline"])))
    shapes = [shape for _, shape in outlines_of(connection, row["townships"]).values()]
    return covering_rings(shapely.union_all(shapes)) if shapes else ()
