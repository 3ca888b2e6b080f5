"""Geometries that strangers wrote, from text or bytes to shapes: what cannot be read is None, and nothing else happens."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from layers.sheets import Shapes


def shapes_of_wkb(given: Sequence[bytes | None]) -> Shapes:
    """Shapes of WKB. Readers have looked through long ones apart (`layers.features`), where they can end no more than that."""
    with np.errstate(all="ignore"):
        shapes: Shapes = shapely.from_wkb(np.array(given, dtype=np.object_), on_invalid="ignore")
    return shapes


def shapes_of_wkt(given: Sequence[str | None]) -> Shapes:
    """Shapes of WKT; collections of collections are not read: without end they would end the process, no layer takes any."""
    depth = pc.count_substring(pa.array(given, pa.string()), "COLLECTION", ignore_case=True)
    nested = np.asarray(depth.fill_null(0)) > 1
    with np.errstate(all="ignore"):  # what overflows is not on the globe, and is told so where it is placed
        shapes: Shapes = shapely.from_wkt(
            np.where(nested, "", np.array(given, dtype=np.object_)), on_invalid="ignore"
        )
    return shapes
