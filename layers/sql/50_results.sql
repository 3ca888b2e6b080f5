-- Results of a run: kept by revision like the layers, but without a day of their own.

-- Merges what a run staged in new_score and new_contribution (temporary tables of this transaction) into the results:
-- only what differs is touched, what was there before goes to the past. A run of changes staged in new_scope (kind,
-- code), too, what it looked at: nothing else is compared. Returns how many scores changed, by kind.
DROP FUNCTION IF EXISTS keep_results(bigint, text[]);
CREATE OR REPLACE FUNCTION keep_results(this_rev bigint, area_kinds text[], of_changes boolean)
RETURNS TABLE (changed_kind text, n bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  tab text;
  columns text;
  qualified text;
  known text;
  -- A few among millions are found by the index of their codes; no planner knows that they are few.
  by_reading_all text[] := ARRAY['enable_hashjoin', 'enable_mergejoin'];
BEGIN
  FOREACH tab IN ARRAY ARRAY['score', 'contribution'] LOOP
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg('t.' || quote_ident(attname), ', ' ORDER BY attnum)
      INTO columns, qualified FROM pg_attribute
      WHERE attrelid = tab::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'rev';
    known := tab;
    IF of_changes THEN
      known := 'known_' || tab;
      PERFORM set_config(name, 'off', true) FROM unnest(by_reading_all) name;
      EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS SELECT %s, t.rev FROM %I t JOIN new_scope USING (kind, code)',
        known, qualified, tab);
      PERFORM set_config(name, 'on', true) FROM unnest(by_reading_all) name;
      EXECUTE format('ANALYZE %I', known);
    END IF;
    EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS SELECT DISTINCT kind, code FROM %I m FULL JOIN %I t USING (%s)
      WHERE (%s) IS DISTINCT FROM (%s)', 'changed_' || tab, 'new_' || tab, known,
      CASE tab WHEN 'score' THEN 'kind, code' ELSE 'kind, code, n' END, replace(qualified, 't.', 'm.'), qualified);
    EXECUTE format('ANALYZE %I', 'changed_' || tab);
    EXECUTE format('INSERT INTO %I (%s, rev, rev_to) SELECT %s, t.rev, $1 FROM %I t JOIN %I USING (kind, code)',
      tab || '_past', columns, qualified, known, 'changed_' || tab) USING this_rev;
    IF of_changes THEN
      PERFORM set_config(name, 'off', true) FROM unnest(by_reading_all) name;
    END IF;
    EXECUTE format('DELETE FROM %I t USING %I c WHERE t.kind = c.kind AND t.code = c.code', tab, 'changed_' || tab);
    PERFORM set_config(name, 'on', true) FROM unnest(by_reading_all) name;
    EXECUTE format('INSERT INTO %I (%s, rev) SELECT %s, $1 FROM %I t JOIN %I USING (kind, code)',
      tab, columns, qualified, 'new_' || tab, 'changed_' || tab) USING this_rev;
  END LOOP;
  DELETE FROM colour o USING changed_score c WHERE o.kind = c.kind AND o.code = c.code;
  INSERT INTO colour (kind, code, level, base_level, rise_level, rev)
    SELECT s.kind, s.code, s.level, s.base_level, s.rise_level, this_rev
    FROM new_score s JOIN changed_score USING (kind, code) WHERE s.kind = ANY (area_kinds);
  RETURN QUERY SELECT c.kind, count(*) FROM changed_score c GROUP BY c.kind ORDER BY c.kind;
END $$;
REVOKE EXECUTE ON FUNCTION keep_results(bigint, text[], boolean) FROM PUBLIC;

-- SHA-256 over all current results, as CONTRACT words it: kind, code, micro-points, level and grade of each, in the
-- order of their bytes, after the hash of the edition. Kind by kind and by the index of the codes: no kind begins
-- another and no code holds a sign below the tab, so this is the order of the lines, and no two million are sorted.
CREATE OR REPLACE FUNCTION result_hash(edition_hash text) RETURNS bytea
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT sha256(convert_to(edition_hash || E'\n' || coalesce(string_agg(lines, '' ORDER BY kind COLLATE "C"), ''), 'UTF8'))
  FROM unnest(ARRAY['source', 'enterprise', 'place', 'grid', 'village', 'township', 'city', 'overlay']) AS kinds (kind)
  CROSS JOIN LATERAL (
    SELECT string_agg(line, '') AS lines
    FROM (SELECT concat_ws(E'\t', s.kind, s.code, coalesce(score::text, ''), coalesce(level::text, ''),
                 coalesce(grade::text, '')) || E'\n' AS line
          FROM score s WHERE s.kind = kinds.kind ORDER BY s.code) ordered) of_kind
$$;
REVOKE EXECUTE ON FUNCTION result_hash(text) FROM PUBLIC;
