-- Joint-control zones: their rights, how a run's zones are kept, and what members may know of each other.

CREATE OR REPLACE VIEW zone_all WITH (security_invoker = true) AS
  SELECT t.*, 9223372036854775807 AS rev_to FROM zone t UNION ALL SELECT * FROM zone_past;
CREATE OR REPLACE VIEW zone_member_all WITH (security_invoker = true) AS
  SELECT t.*, 9223372036854775807 AS rev_to FROM zone_member t UNION ALL SELECT * FROM zone_member_past;
CREATE OR REPLACE VIEW zone_line_all WITH (security_invoker = true) AS
  SELECT t.*, 9223372036854775807 AS rev_to FROM zone_line t UNION ALL SELECT * FROM zone_line_past;
CREATE OR REPLACE VIEW zone_edge_all WITH (security_invoker = true) AS
  SELECT t.*, 9223372036854775807 AS rev_to FROM zone_edge t UNION ALL SELECT * FROM zone_edge_past;
CREATE OR REPLACE VIEW zone_reach_all WITH (security_invoker = true) AS
  SELECT t.*, 9223372036854775807 AS rev_to FROM zone_reach t UNION ALL SELECT * FROM zone_reach_past;

-- A zone, and what became of it, is everyone's who has or had a member in it: the policy asks for members under their
-- own policy. What tells of one member is that member's.
CREATE OR REPLACE PROCEDURE members_rows(tab text, own_member text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', tab);
  EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                  riskmap_enterprise, riskmap_committee', tab);
  EXECUTE format('DROP POLICY IF EXISTS city ON %I', tab);
  EXECUTE format('CREATE POLICY city ON %I FOR SELECT TO riskmap_city USING (true)', tab);
  EXECUTE format('DROP POLICY IF EXISTS members ON %I', tab);
  EXECUTE format('CREATE POLICY members ON %I FOR SELECT TO riskmap_township, riskmap_village, riskmap_grid,
                  riskmap_enterprise, riskmap_committee USING (EXISTS (%s))', tab, own_member);
END $$;

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['zone_member', 'zone_line', 'zone_edge', 'zone_reach'] LOOP
    CALL restrict_rows(tab);
    CALL restrict_rows(tab || '_past');
  END LOOP;
  CALL restrict_rows('zone_event_site');
  CALL open_rows('zone_run');
  FOREACH tab IN ARRAY ARRAY['zone', 'zone_member', 'zone_line', 'zone_edge', 'zone_reach'] LOOP
    EXECUTE format('GRANT SELECT ON %I TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee', tab || '_all');
  END LOOP;
END $$;
CALL members_rows('zone', 'SELECT FROM zone_member m WHERE m.zone_code = zone.code');
CALL members_rows('zone_past', 'SELECT FROM zone_member_all m WHERE m.zone_code = zone_past.code
  AND m.rev < zone_past.rev_to AND m.rev_to > zone_past.rev');
CALL members_rows('zone_event', 'SELECT FROM zone_member_all m WHERE m.zone_code = zone_event.zone_code');

-- The zones that have ended: the last line of their lineage, as far as the caller may read it.
CREATE OR REPLACE VIEW zone_ended WITH (security_invoker = true) AS
  SELECT zone_code, run_id, n, rev, kind, other FROM (
    SELECT DISTINCT ON (zone_code) * FROM zone_event ORDER BY zone_code, run_id DESC, n DESC) last
  WHERE kind IN ('merge', 'dissolve');
GRANT SELECT ON zone_ended TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee;

-- Merges what a run staged in new_<table> (temporary tables of this transaction): only what differs is touched, what
-- was there before goes to the past. A run of changes staged what it looked at, too: codes of zones in looked_at_zone,
-- ends of links in looked_at_edge; nothing else is compared. Returns how many rows changed, by table.
CREATE OR REPLACE FUNCTION keep_zones(this_rev bigint)
RETURNS TABLE (changed_table text, n bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  part record;
  columns text;
  qualified text;
  is_first boolean;
BEGIN
  UPDATE new_zone SET geom = ST_Transform(geom_m, 4490);
  FOR part IN SELECT * FROM (VALUES
    ('zone', 'code', 'JOIN looked_at_zone s ON s.code = t.code'),
    ('zone_member', 'zone_code, code', 'JOIN looked_at_zone s ON s.code = t.zone_code'),
    ('zone_line', 'zone_code, n', 'JOIN looked_at_zone s ON s.code = t.zone_code'),
    ('zone_edge', 'kind, a, b', 'JOIN looked_at_edge s ON s.kind = t.kind AND s.a = t.a AND s.b = t.b'),
    ('zone_reach', 'code', '')) AS v (tab, keys, looked_at) LOOP
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
           string_agg('t.' || quote_ident(attname), ', ' ORDER BY attnum) INTO columns, qualified
      FROM pg_attribute WHERE attrelid = part.tab::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'rev';
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', part.tab) INTO is_first;
    IF is_first THEN -- nothing to compare, nothing to keep as past
      EXECUTE format('INSERT INTO %I (%s, rev) SELECT %s, $1 FROM %I t', part.tab, columns, qualified, 'new_' || part.tab)
        USING this_rev;
      GET DIAGNOSTICS n = ROW_COUNT;
      changed_table := part.tab;
      RETURN NEXT;
      CONTINUE;
    END IF;
    EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS SELECT t.* FROM %I t %s',
      'known_' || part.tab, part.tab, part.looked_at);
    EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS SELECT %s FROM %I m FULL JOIN %I t USING (%s)
      WHERE (%s) IS DISTINCT FROM (%s)', 'changed_' || part.tab, part.keys, 'new_' || part.tab, 'known_' || part.tab,
      part.keys, replace(qualified, 't.', 'm.'), qualified);
    EXECUTE format('ANALYZE %I; ANALYZE %I', 'known_' || part.tab, 'changed_' || part.tab);
    EXECUTE format('INSERT INTO %I (%s, rev, rev_to) SELECT %s, t.rev, $1 FROM %I t JOIN %I USING (%s)',
      part.tab || '_past', columns, qualified, 'known_' || part.tab, 'changed_' || part.tab, part.keys) USING this_rev;
    EXECUTE format('DELETE FROM %I WHERE (%s) IN (SELECT %s FROM %I)', part.tab, part.keys, part.keys, 'changed_' || part.tab);
    EXECUTE format('INSERT INTO %I (%s, rev) SELECT %s, $1 FROM %I t JOIN %I USING (%s)',
      part.tab, columns, qualified, 'new_' || part.tab, 'changed_' || part.tab, part.keys) USING this_rev;
    EXECUTE format('SELECT count(*) FROM %I', 'changed_' || part.tab) INTO n;
    changed_table := part.tab;
    RETURN NEXT;
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION keep_zones(bigint) FROM PUBLIC;

-- The members of a zone after a revision that are not of some ground, seen from the members that are: how far from the
-- nearest of them, in metres, and in which direction from the middle of them, in degrees clockwise from north. For jobs.
CREATE OR REPLACE FUNCTION zone_members_beyond(zone text, known bigint, my_level text, mine text)
RETURNS TABLE (code text, kind text, level smallint, hazard text[], distance_m integer, bearing integer, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
  WITH members AS MATERIALIZED (
    SELECT m.*, coalesce(
        (SELECT e.geom_m FROM enterprise_all e
         WHERE m.layer = 'enterprise' AND e.code = m.code AND e.rev <= known AND e.rev_to > known AND NOT e.gone),
        (SELECT s.geom_m FROM source_all s
         WHERE m.layer = 'source' AND s.code = m.code AND s.rev <= known AND s.rev_to > known AND NOT s.gone)) AS site,
      mine IS NOT DISTINCT FROM CASE my_level WHEN 'township' THEN m.township_code WHEN 'village' THEN m.village_code
        WHEN 'grid' THEN m.grid_code WHEN 'enterprise' THEN m.enterprise_code WHEN 'committee' THEN m.committee END AS own
    FROM zone_member_all m
    WHERE m.zone_code = zone_members_beyond.zone AND m.rev <= known AND m.rev_to > known),
  ground AS (SELECT ST_Collect(site) AS shape FROM members WHERE own AND mine IS NOT NULL HAVING count(*) > 0)
  SELECT m.code, m.kind, m.level, m.hazards, round(ST_Distance(m.site, g.shape))::integer,
    round(degrees(ST_Azimuth(ST_Centroid(g.shape), place_point(m.site))))::integer % 360, m.name
  FROM members m CROSS JOIN ground g WHERE NOT m.own
  ORDER BY m.level NULLS LAST, 5, m.code
$$;
REVOKE EXECUTE ON FUNCTION zone_members_beyond(text, bigint, text, text) FROM PUBLIC;

-- What one may know of the other members of a zone that one has a member in, and nothing more; see neighbour(). Whose
-- ground it is comes from the role and its setting, never from the caller's words.
CREATE OR REPLACE FUNCTION zone_neighbour(zone text, known bigint)
RETURNS TABLE (kind text, level smallint, hazard text[], distance_m integer, bearing integer, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  my_level text := substring(current_setting('role') FROM '^riskmap_(township|village|grid|enterprise|committee)$');
  mine text := nullif(current_setting('riskmap.' || my_level, true), '');
BEGIN
  RETURN QUERY SELECT b.kind, b.level, b.hazard, b.distance_m, b.bearing, b.name
    FROM zone_members_beyond(zone, known, my_level, mine) b;
END $$;

-- Why one's own members of a zone hang together with others', or were cut from them: own code, kind, distance, why it
-- was cut, and of the other nothing but its name.
CREATE OR REPLACE FUNCTION zone_links_across(zone text, known bigint)
RETURNS TABLE (code text, kind smallint, distance_mm bigint, cut smallint, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  my_level text := substring(current_setting('role') FROM '^riskmap_(township|village|grid|enterprise|committee)$');
  mine text := nullif(current_setting('riskmap.' || my_level, true), '');
BEGIN
  RETURN QUERY
    WITH own AS MATERIALIZED (
      SELECT m.code FROM zone_member_all m
      WHERE m.zone_code = zone AND m.rev <= known AND m.rev_to > known
        AND mine = CASE my_level WHEN 'township' THEN m.township_code WHEN 'village' THEN m.village_code
          WHEN 'grid' THEN m.grid_code WHEN 'enterprise' THEN m.enterprise_code WHEN 'committee' THEN m.committee END),
    across AS (
      SELECT o.code, e.kind, e.distance_mm, e.cut, CASE o.code WHEN e.a THEN e.b ELSE e.a END AS other
      FROM own o JOIN zone_edge_all e ON o.code IN (e.a, e.b) WHERE e.rev <= known AND e.rev_to > known)
    SELECT a.code, a.kind, a.distance_mm, a.cut, coalesce(
        (SELECT e.name FROM enterprise_all e WHERE e.code = a.other AND e.rev <= known AND e.rev_to > known AND NOT e.gone),
        (SELECT s.name FROM source_all s WHERE s.code = a.other AND s.rev <= known AND s.rev_to > known AND NOT s.gone))
    FROM across a WHERE a.other NOT IN (SELECT o.code FROM own o)
    ORDER BY a.code, a.kind, a.distance_mm, a.other;
END $$;

REVOKE EXECUTE ON FUNCTION zone_neighbour(text, bigint), zone_links_across(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zone_neighbour(text, bigint), zone_links_across(text, bigint) TO riskmap_township,
  riskmap_village, riskmap_grid, riskmap_enterprise, riskmap_committee;
