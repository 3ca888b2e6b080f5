"""The names of a run's zones: those they bear already, those of zones that return, and new ones, each unlike all others."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from jobs.frames import Array
from jobs.zone_accounts import formats_of
from layers.zone_state import State, names_borne
from riskmap.zone_names import is_of, stem_of, unlike
from riskmap.zone_rules import ZoneRules
from riskmap.zones import Zones


def zone_names(
    connection: Connection,
    zones: Zones,
    members: pd.DataFrame,
    rules: ZoneRules,
    places: Mapping[str, str],
    state: State,
) -> dict[str, str]:
    """By zone its name; `members` in order of zone and code, `places` the names of townships and villages by code.

    A zone keeps its name for life, but for two causes: it was named while nobody knew the township or the village of
    its members, or an older zone has the same name (names were not unlike before).
    """
    kept = _kept(zones, members, state)
    unnamed = [code for code in zones.ids if code not in kept]
    if not unnamed:
        return kept
    borne, begun = names_borne(connection), set(zones.ids) - set(state.zones.ids)
    last, in_use = dict(borne), set(kept.values())
    for code in sorted(begun & last.keys()):
        if last[code] not in in_use:  # of two that return at once with one name the first
            kept[code] = last[code]
            in_use.add(last[code])
    named = set(unnamed) - kept.keys()
    stems = _stems(members[members["zone_code"].isin(named)], rules, places)
    bearers = Counter(name for _, name in borne)
    alike = {zone for zone, stem in stems if zone in last and is_of(last[zone], stem)}
    kept |= {zone: last[zone] for zone in alike if bearers[last[zone]] == 1}
    return kept | unlike((one for one in stems if one[0] not in kept), bearers.keys())


def _kept(zones: Zones, members: pd.DataFrame, state: State) -> dict[str, str]:
    """The names that zones go on with; of zones of one name the oldest, then the largest, keeps it."""
    rows = state.rows[state.rows["code"].isin(zones.ids)]
    of = members.groupby("zone_code", sort=False)
    placed_now = of["township_code"].count().gt(0).astype(int) + of["village_code"].count().gt(0)
    rows = rows[rows["placed"].to_numpy(np.int64) >= placed_now.reindex(rows["code"]).to_numpy(np.int64)]
    rows = rows.assign(less=-rows["member_count"].to_numpy(np.int64))
    oldest = rows.sort_values(["born_run", "less", "code"]).drop_duplicates("name")
    return dict(zip(oldest["code"], oldest["name"], strict=True))


def _stems(members: pd.DataFrame, rules: ZoneRules, places: Mapping[str, str]) -> list[tuple[str, str]]:
    """What each zone would be called without a number: the zones of most members first, then by code."""
    words = {one.code: one.name_zh for one in rules.formats}
    told = pd.DataFrame(
        {
            "zone": members["zone_code"].to_numpy(object),
            "place": _places(members),
            "format": formats_of(members, rules),
        }
    )
    sizes = told.groupby("zone", sort=True).size()
    place = _commonest(told, "place")["place"]
    form = _commonest(told.dropna(subset=["format"]), "format")
    mostly = form["format"][2 * form["n"] > sizes.reindex(form.index)]
    first = members.drop_duplicates("zone_code").set_index("zone_code")["name"]
    stems = {
        zone: stem_of(
            "".join(places.get(code, "") for code in place[zone].split("\t")),
            words.get(mostly.get(zone, ""), ""),
            first[zone],
        )
        for zone in sizes.index
    }
    return sorted(stems.items(), key=lambda one: (-sizes[one[0]], one[0]))


def _places(members: pd.DataFrame) -> Array:
    """The codes of each member's township and village as one text."""
    return (members["township_code"].fillna("") + "\t" + members["village_code"].fillna("")).to_numpy(object)


def _commonest(told: pd.DataFrame, name: str) -> pd.DataFrame:
    """By zone what most of its members say, of equally many the first in order, and how many they are."""
    counts = told.groupby(["zone", name]).size().rename("n").reset_index()
    return (
        counts.sort_values(["zone", "n", name], ascending=[True, False, True])
        .drop_duplicates("zone")
        .set_index("zone")
    )
