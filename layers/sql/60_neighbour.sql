-- What a township, village or grid unit may know of hazard sources beyond its border, and nothing more: what kind, how
-- bad, of what hazard, how far, in which direction, and its name; never code, inventory, persons or dangers.

-- Open sources outside one's own area whose own reach, and at most `max_distance_m`, touches its ground. Whose ground
-- it is comes from the role and its setting, never from the caller's words; other roles have no right to call this.
-- Distance in metres from the ground, bearing in degrees clockwise from north as seen from the ground's middle.
-- Before the first run level, hazard and reach are unknown: the distance alone decides.
CREATE OR REPLACE FUNCTION neighbour(max_distance_m float8)
RETURNS TABLE (kind text, level smallint, hazard text[], distance_m integer, bearing integer, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  my_level text := substring(current_setting('role') FROM '^riskmap_(township|village|grid)$');
  mine text := nullif(current_setting('riskmap.' || my_level, true), '');
  ground geometry := (SELECT a.geom_m FROM area a WHERE a.code = mine AND a.level = my_level);
BEGIN
  RETURN QUERY
    SELECT s.kind, r.level, ARRAY(SELECT jsonb_array_elements_text(r.facts -> 'hazards')),
           round(ST_Distance(s.geom_m, ground))::integer,
           round(degrees(ST_Azimuth(ST_PointOnSurface(ground), place_point(s.geom_m))))::integer % 360, s.name
    FROM source s LEFT JOIN score r ON r.kind = 'source' AND r.code = s.code
    WHERE s.geom_m && ST_Expand(ground, max_distance_m)
      AND ST_DWithin(s.geom_m, ground,
                     least(max_distance_m, (r.facts -> 'distances_m' ->> 'reach')::float8))
      AND s.status IS DISTINCT FROM 'closed'
      AND mine IS DISTINCT FROM CASE my_level WHEN 'township' THEN s.township_code
                                              WHEN 'village' THEN s.village_code ELSE s.grid_code END
    ORDER BY r.level NULLS LAST, 4, s.code;
END $$;
REVOKE EXECUTE ON FUNCTION neighbour(float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neighbour(float8) TO riskmap_township, riskmap_village, riskmap_grid;
