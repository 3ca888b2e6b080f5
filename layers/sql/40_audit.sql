-- The audit: is the chain whole, and are the rows still those that were written?

-- How many columns a layer had before its revisions said so; columns come to a table at its end and none ever goes.
CREATE OR REPLACE FUNCTION columns_at_first(layer text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE layer WHEN 'source' THEN 21 WHEN 'enterprise' THEN 28 ELSE 1000 END $$;

-- Count and digest of the rows one statement of one revision wrote to a layer, found again in its history: over the
-- columns that the layer had then.
DROP FUNCTION IF EXISTS layer_digest(text, text, bigint);
CREATE OR REPLACE FUNCTION layer_digest(layer text, op text, at_rev bigint, known_columns integer)
RETURNS TABLE (n bigint, sha256 text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  columns text := (SELECT string_agg('a.' || quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                   WHERE attrelid = layer::regclass AND attnum BETWEEN 1 AND known_columns AND NOT attisdropped);
  replaced text := format('EXISTS (SELECT FROM %I p WHERE p.code = a.code AND p.rev_to = $1 AND p.rev < $1
                           AND NOT p.gone)', layer || '_past');
  which text;
BEGIN
  IF op = 'DELETE' THEN
    which := format('FROM %I a WHERE a.rev_to = $1 AND NOT a.gone AND EXISTS
      (SELECT FROM %I g WHERE g.code = a.code AND g.rev = $1 AND g.gone)', layer || '_past', layer || '_past');
  ELSE
    which := format('FROM %I a WHERE a.rev = $1 AND a.rev_to > $1 AND NOT a.gone AND %s %s', layer || '_all',
                    CASE op WHEN 'INSERT' THEN 'NOT' ELSE '' END, replaced);
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT count(*), encode(sha256(coalesce(string_agg(sha256(convert_to(ROW(%s)::text, ''UTF8'')), ''''
       ORDER BY a.code), '''')), ''hex'') %s', columns, which) USING at_rev;
END $$;
REVOKE EXECUTE ON FUNCTION layer_digest(text, text, bigint, integer) FROM PUBLIC;

-- Count and digest of what a revision wrote to `pruned`.
CREATE OR REPLACE FUNCTION pruned_digest(at_rev bigint) RETURNS TABLE (n bigint, sha256 text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(sum(p.gone), 0)::bigint,
         encode(sha256(coalesce(string_agg(sha256(convert_to(p::text, 'UTF8')), '' ORDER BY p.rev), '')), 'hex')
  FROM pruned p WHERE p.pruned_rev = at_rev
$$;
REVOKE EXECUTE ON FUNCTION pruned_digest(bigint) FROM PUBLIC;

-- What each statement of each revision must still be found to have written: what its revision says, or, where readings
-- were taken from it since, what the last revision that did so left (it is sealed by that one).
CREATE OR REPLACE VIEW sealed WITH (security_invoker = true) AS
SELECT v.rev, d.value ->> 'layer' AS layer, d.value ->> 'op' AS op,
       coalesce((d.value ->> 'columns')::integer, columns_at_first(d.value ->> 'layer')) AS columns,
       coalesce(p.rows, (d.value ->> 'rows')::bigint) AS rows, coalesce(p.sha256, d.value ->> 'sha256') AS sha256
FROM revision v CROSS JOIN jsonb_array_elements(v.detail) d
LEFT JOIN LATERAL (SELECT p.rows, p.sha256 FROM pruned p
                   WHERE p.rev = v.rev AND d.value ->> 'layer' = 'event' AND d.value ->> 'op' = 'INSERT'
                   ORDER BY p.pruned_rev DESC LIMIT 1) p ON true
WHERE d.value ->> 'op' <> 'PRUNE';

-- Every revision whose seal, link or rows are not as they were: its number and what is wrong. No row: all is well.
CREATE OR REPLACE FUNCTION broken_revisions()
RETURNS TABLE (rev bigint, fault text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
  SELECT v.rev, 'seal' FROM revision v WHERE v.hash <> revision_hash(v)
  UNION ALL
  SELECT v.rev, 'link' FROM revision v LEFT JOIN revision p ON p.rev = v.rev - 1
    WHERE v.prev <> coalesce(p.hash, '\x00')
  UNION ALL
  SELECT h.rev, 'head' FROM head h LEFT JOIN revision v USING (rev) WHERE h.rev > 0 AND h.hash IS DISTINCT FROM v.hash
  UNION ALL
  SELECT s.rev, format('rows of %s', s.layer) FROM sealed s, layer_digest(s.layer, s.op, s.rev, s.columns) found
  WHERE (found.n, found.sha256) IS DISTINCT FROM (s.rows, s.sha256)
  UNION ALL
  SELECT v.rev, format('rows of %s', d.value ->> 'layer')
  FROM revision v, jsonb_array_elements(v.detail) d, pruned_digest(v.rev) found
  WHERE d.value ->> 'op' = 'PRUNE'
    AND (found.n, found.sha256) IS DISTINCT FROM ((d.value ->> 'rows')::bigint, d.value ->> 'sha256')
  ORDER BY 1, 2
$$;
REVOKE EXECUTE ON FUNCTION broken_revisions() FROM PUBLIC;
