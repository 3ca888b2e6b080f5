"""One state of the city as a zone run reads it, and what was done to it since the last one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from jobs.frames import Array, index_of, values_at
from jobs.zone_sites import Reaches, reaches_of, standing, zone_sites
from layers.editions import edition_on
from layers.history import CLOCK, Moment, head_rev
from layers.risk import last_run
from layers.zone_sites import Edited, edited_since, read_scores, read_site_records
from layers.zone_state import State, read_state
from riskmap import __version__
from riskmap.editions import Edition
from riskmap.weights import RiskWeights
from riskmap.zone_changes import changes_between
from riskmap.zone_links import ZoneSites
from riskmap.zone_rules import ZoneRules

Changes = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Found:
    """One state of the city as a run reads it, and what was done to it since the last run."""

    at: datetime
    edition: Edition
    rules: ZoneRules
    weights: RiskWeights
    known_rev: int
    of_run: int | None
    state: State
    frame: pd.DataFrame
    sites: ZoneSites
    scores: pd.DataFrame
    """score, base and level of each site of `frame`"""
    reaches: Reaches
    edited: Edited
    changes: Changes
    before: pd.DataFrame
    """edited sites as they were"""
    whole: bool
    """everything is computed and told anew"""

    @classmethod
    def read(cls, connection: Connection, at: datetime, *, full: bool) -> "Found":
        """In one snapshot; with `full` nothing is taken over from the last run but the zones themselves."""
        edition = edition_on(connection, at.astimezone(CLOCK).date())
        rules, weights = ZoneRules.from_edition(edition), RiskWeights.from_edition(edition)
        day = at.astimezone(CLOCK).date()
        state, scored = read_state(connection), last_run(connection)
        last = state.run
        whole = full or last is None or not _same_rules(last, edition)
        edited = Edited(None, people=True)
        if last is not None:
            edited = edited_since(
                connection, last["known_rev"], (last["data_time"].astimezone(CLOCK).date(), day)
            )
        records = read_site_records(connection, day, holding=None if whole else edited.sites)
        reaches = reaches_of(records, edition, rules)
        if not whole and edited.sites is not None:
            reaches |= {code: near for code, near in state.reaches.items() if code not in edited.sites}
        frame = standing(records, weights)
        standing_codes = set(frame["code"])
        reaches = {code: near for code, near in reaches.items() if code in standing_codes}
        scores = scores_of(read_scores(connection), frame)
        sites = zone_sites(frame, reaches, risk_of(scores))
        before = frame.iloc[:0]
        changes: Changes = {}
        if last is not None:
            before, changes = _changes(connection, last, weights, state, edited, frame, reaches)
        return cls(
            at=at,
            edition=edition,
            rules=rules,
            weights=weights,
            known_rev=head_rev(connection),
            of_run=scored["run_id"] if scored else None,
            state=state,
            frame=frame,
            sites=sites,
            scores=scores,
            reaches=reaches,
            edited=edited,
            changes=changes,
            before=before,
            whole=whole,
        )


def _same_rules(last: dict[str, Any], edition: Edition) -> bool:
    return (last["code_version"], bytes(last["edition_hash"]).hex()) == (__version__, edition.hash)


def scores_of(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Score, base and level of each site, None where it was not assessed: an enterprise's own, else the source's."""
    known = (rows["kind"] + "/" + rows["code"]).to_numpy(object)
    at = index_of(frame["layer"] + "/" + frame["code"], known)
    return pd.DataFrame(
        {name: values_at(rows[name], at) for name in ("score", "base", "level")}, dtype=object
    )


def risk_of(scores: pd.DataFrame) -> Array:
    """The scores of sites in micro-points, 0 where none is known."""
    found: Array = scores["score"].fillna(0).to_numpy(np.int64)
    return found


def _changes(
    connection: Connection,
    last: dict[str, Any],
    weights: RiskWeights,
    state: State,
    edited: Edited,
    frame: pd.DataFrame,
    reaches: Reaches,
) -> tuple[pd.DataFrame, Changes]:
    """Edited sites as the last run knew them, and what happened to each site since."""
    then = Moment(None, last["known_rev"])
    day = last["data_time"].astimezone(CLOCK).date()
    records = read_site_records(connection, day, then, sites=edited.sites, holding=())
    before = standing(records, weights)
    now = frame
    if edited.sites is not None:
        before = before[before["code"].isin(edited.sites)].reset_index(drop=True)
        now = frame[frame["code"].isin(edited.sites)].reset_index(drop=True)
    changes = changes_between(zone_sites(before, state.reaches), zone_sites(now, reaches))
    there = set(frame["code"])
    for code in sorted(reaches.keys() | (state.reaches.keys() & there)):
        if code not in changes and reaches.get(code) != state.reaches.get(code):
            changes[code] = ("domino",)
    return before, changes
