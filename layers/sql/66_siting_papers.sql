-- Opinion papers: only city roles read them whole; what is public of them anyone signed in, and without a sign-in
-- those whom the city lets (city.toml: [siting] public_list = true). Nobody changes or removes one, the owner neither.

CALL city_rows('siting_paper');
CALL open_rows('siting_notice');

CREATE OR REPLACE FUNCTION siting_list_is_public() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce((SELECT (content #>> '{siting,public_list}')::boolean FROM city), false)
$$;
REVOKE EXECUTE ON FUNCTION siting_list_is_public() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION siting_list_is_public() TO riskmap_web;
DROP POLICY IF EXISTS in_public ON siting_notice;
CREATE POLICY in_public ON siting_notice FOR SELECT TO riskmap_web USING (siting_list_is_public());

CREATE OR REPLACE FUNCTION keep_as_filed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of a filed paper is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['siting_paper', 'siting_notice'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER as_filed BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION keep_as_filed()', tab);
  END LOOP;
END $$;

-- Filed proposals that a later one has to reckon with on a day, in order of number: of the verdicts that hold, not expired,
-- not replaced; but for those of an enterprise, and one paper.
CREATE OR REPLACE FUNCTION planned_paper(day date, holding text[], own text, leave_out text)
RETURNS SETOF siting_paper LANGUAGE sql STABLE AS $$
  SELECT p.* FROM siting_paper p LEFT JOIN siting_paper newer ON newer.replaces = p.number
  WHERE newer.number IS NULL AND p.verdict = ANY (holding) AND p.valid_until >= day
    AND (own IS NULL OR p.enterprise_code IS DISTINCT FROM own) AND p.number IS DISTINCT FROM leave_out
  ORDER BY p.number
$$;
REVOKE EXECUTE ON FUNCTION planned_paper(date, text[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION planned_paper(date, text[], text, text) TO riskmap_city;

-- What a township, village or grid unit may know of those in and about its own ground, and nothing more: what they are
-- called in public, of what kind and uses, where, and how far accidents there would reach; never number, applicant,
-- project, inventory or persons. Whose ground it is comes from the role and its setting, never from the caller's words.
CREATE OR REPLACE FUNCTION planned_neighbour(day date, holding text[], own text, leave_out text, project text,
  max_distance_m float8)
RETURNS TABLE (name text, kind text, uses jsonb, consequences jsonb, geom_m geometry)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  my_level text := substring(current_setting('role') FROM '^riskmap_(township|village|grid)$');
  mine text := nullif(current_setting('riskmap.' || my_level, true), '');
  ground geometry := (SELECT a.geom_m FROM area a WHERE a.code = mine AND a.level = my_level);
BEGIN
  RETURN QUERY
    SELECT p.name, p.kind, p.uses,
      coalesce((SELECT jsonb_agg(c - ARRAY(SELECT k FROM jsonb_object_keys(c) AS k
                                           WHERE k NOT IN ('name', 'distance_m', 'at_least_m', 'rings', 'reason')) ORDER BY n)
                FROM jsonb_array_elements(p.consequences) WITH ORDINALITY AS told(c, n)), '[]'),
      p.geom_m
    FROM planned_paper(day, holding, own, coalesce(leave_out,
      (SELECT latest.number FROM siting_paper latest WHERE latest.project_code = nullif(project, '')
       ORDER BY latest.year DESC, latest.serial DESC LIMIT 1))) p
    WHERE ST_DWithin(p.geom_m, ground, max_distance_m)
    ORDER BY p.number;
END $$;
REVOKE EXECUTE ON FUNCTION planned_neighbour(date, text[], text, text, text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION planned_neighbour(date, text[], text, text, text, float8) TO riskmap_township, riskmap_village, riskmap_grid;
