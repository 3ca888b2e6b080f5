"""Proposals to build something, as the tests write them."""

from datetime import date
from typing import Any

from riskmap.siting_proposals import Proposal, read_proposal

TODAY = date(2026, 6, 1)
SQUARE = [[[112.36, 28.85], [112.361, 28.85], [112.361, 28.851], [112.36, 28.851], [112.36, 28.85]]]
POLYGON = {"type": "Polygon", "coordinates": SQUARE}
GRANTED = {"authority": "市人民政府", "text": "沅政函〔2026〕1号", "date": "2026-05-01"}


def read(**given: Any) -> Proposal:
    """The proposal of a square of homes, but for what is given."""
    return read_proposal({"kind": "dwelling", "geometry": POLYGON, **given}, vertices=10_000, today=TODAY)
