"""Which areas hold many points: as the database says of one place, however many are asked for at once."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import Engine, text

from layers.containment import PLACES, Areas, standing_points
from layers.database import snapshot, writing
from tests.import_files import load_areas


def test_the_point_that_stands_for_a_shape_is_the_databases(owner: Engine) -> None:
    shapes = [
        shapely.from_wkt(wkt)
        for wkt in (
            "POINT (1 2)",
            "LINESTRING (0 0, 10 0, 10 5)",
            "MULTILINESTRING ((0 0, 4 4), (9 9, 10 10))",
            "POLYGON ((0 0, 10 0, 10 10, 9 10, 9 1, 0 1, 0 0))",
            "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((20 20, 30 20, 30 30, 20 30, 20 20)))",
        )
    ]
    with snapshot(owner) as connection:
        query = text("SELECT ST_X(p), ST_Y(p) FROM (SELECT place_point(ST_GeomFromText(:wkt)) AS p) q")
        told = [tuple(connection.execute(query, {"wkt": shape.wkt}).one()) for shape in shapes]
    assert [tuple(point) for point in standing_points(shapes)] == [pytest.approx(one) for one in told]
    assert np.isnan(standing_points([None])).all()


def test_many_points_are_placed_as_few_are(owner: Engine, tmp_path: Path) -> None:
    """All polygons read at once, or only those around the points: the same answer, on shared edges too."""
    load_areas(owner, tmp_path)
    rng = np.random.default_rng(5)
    with writing(owner) as connection:
        corners = connection.execute(
            text("SELECT ST_X(g), ST_Y(g) FROM area, ST_DumpPoints(geom_m) d, LATERAL (SELECT d.geom) x(g)")
        )
        edges = np.array([tuple(one) for one in corners])
        low, high = edges.min(axis=0), edges.max(axis=0)
        points = np.concatenate([edges, rng.uniform(low - 500, high + 500, (2000, 2)), [[np.nan, np.nan]]])
        whole = Areas(connection, "area").at(points)
        few = Areas(connection, "area")
        for start in range(0, len(points), 100):
            for name, found in few.at(points[start : start + 100]).items():
                assert found.to_pylist() == whole[name][start : start + 100].to_pylist()
        assert whole["township_code"].null_count not in {0, len(points)}
        one_by_one = text(
            "SELECT township_code, village_code, grid_code FROM place_of(ST_Point(:x, :y, 4547))"
        )
        for row in range(0, len(points) - 1, 37):
            told = connection.execute(one_by_one, {"x": points[row, 0], "y": points[row, 1]}).first()
            assert tuple(whole[name][row].as_py() for name in PLACES) == tuple(told or (None, None, None))
