"""Positions as the database reads them in a binary COPY: extended WKB (with SRID) in Arrow arrays."""

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

_POINT_WITH_SRID = 0x20000001
_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("srid", "<u4"), ("x", "<f8"), ("y", "<f8")])
"""A point of extended WKB, 25 bytes: PostGIS, lwgeom `WKB_BYTE_SIZE`, `WKBSRIDFLAG`."""


def of_points(xy: NDArray[np.float64], srid: int) -> pa.Array:
    """Points (n × 2) as extended WKB; null where a coordinate is NaN."""
    points = np.empty(len(xy), dtype=_POINT)
    points["order"], points["kind"], points["srid"] = 1, _POINT_WITH_SRID, srid
    points["x"], points["y"] = xy[:, 0], xy[:, 1]
    offsets = np.arange(len(xy) + 1, dtype=np.int32) * _POINT.itemsize
    there = pa.array(~np.isnan(xy).any(axis=1))
    found = pa.BinaryArray.from_buffers(
        pa.binary(), len(xy), [None, pa.py_buffer(offsets), pa.py_buffer(points)]
    )
    return found if there.true_count == len(xy) else pa.compute.if_else(there, found, None)


def of_shapes(shapes: NDArray[np.object_], srid: int) -> pa.Array:
    """Shapely geometries as extended WKB; null where there is none."""
    given = shapely.set_srid(shapes, srid)
    return pa.array(shapely.to_wkb(given, include_srid=True, output_dimension=2), pa.binary())
