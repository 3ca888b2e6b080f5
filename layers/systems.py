"""Which reference system a file names: as an EPSG number where it has one, since that is what the program converts by."""

from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from layers.sheets import Table

_PLAIN = {4326, 4490}
"""longitude and latitude as we keep them: WGS 84 is taken as CGCS2000"""
_SURE_ENOUGH = 70
"""per cent; systems written by other programs rarely carry their number and never match it to the letter"""


def note_system(table: Table, given: str | dict[str, Any] | None) -> None:
    """Put the system that the file names (a number, WKT or PROJJSON; None: none) into the table.

    One with an EPSG number counts as declared; for another a person has to say what it is.
    """
    if not given:
        return
    try:
        system = CRS.from_user_input(given)
        system = system.sub_crs_list[0] if system.is_compound else system
        number = system.to_epsg(min_confidence=_SURE_ENOUGH)
        if system.name.startswith("Undefined"):
            return
        if number in _PLAIN or system.to_authority() == ("OGC", "CRS84"):
            return
        table.crs = f"EPSG:{number}" if number else system.name[:80]
        table.crs_stands = number is not None
    except CRSError:
        table.crs = "无法识别的坐标系"
