-- Placement: which grid unit, village and township a position lies in. A position on a shared edge goes to the lower
-- code, so the answer never depends on the order of rows.

-- The one point that stands for a record: itself, the middle of a line, a point inside a polygon.
CREATE OR REPLACE FUNCTION place_point(geom_m geometry) RETURNS geometry LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE ST_Dimension(geom_m)
    WHEN 0 THEN ST_GeometryN(geom_m, 1)
    WHEN 1 THEN ST_LineInterpolatePoint(ST_GeometryN(geom_m, 1), 0.5)
    ELSE ST_PointOnSurface(geom_m) END
$$;

-- The areas that hold a point, from the finest level that has a polygon there; nulls where none does.
CREATE OR REPLACE FUNCTION place_of(point_m geometry)
RETURNS TABLE (township_code text, village_code text, grid_code text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT a.township_code, a.village_code, a.grid_code
  FROM area a
  WHERE a.geom_m && point_m AND ST_Intersects(a.geom_m, point_m) AND a.level IN ('grid', 'village', 'township')
  ORDER BY array_position(ARRAY['grid', 'village', 'township'], a.level), a.code
  LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION place_point(geometry), place_of(geometry) TO riskmap_web, riskmap_city, riskmap_township,
  riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
