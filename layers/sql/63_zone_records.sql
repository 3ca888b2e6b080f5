-- The ledger of joint-control zones. A zone may lie in several townships, so its records have no scope of their own:
-- who may see one of a zone's members sees the zone's ledger, nobody else does (of a zone that has ended: one of its
-- last members). A record that names a unit is whole
-- only for those who may see that unit; the others learn from zone_ledger() what was done, when and by which unit.
CALL keep_history('zone_record', false);

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['zone_record', 'zone_record_past'] LOOP
    CALL restrict_rows(tab);
    EXECUTE format('DROP POLICY IF EXISTS of_members ON %I', tab);
    EXECUTE format('CREATE POLICY of_members ON %I FOR SELECT TO riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee
                    USING ((zone_code IN (SELECT m.zone_code FROM zone_member m)
                            OR zone_code IN (SELECT e.zone_code FROM zone_ended e
                                             JOIN zone_member_past m ON m.zone_code = e.zone_code AND m.rev_to = e.rev))
                           AND (unit_code IS NULL OR EXISTS (SELECT FROM enterprise e WHERE e.code = unit_code)))', tab);
  END LOOP;
END $$;

GRANT SELECT ON zone_record_all TO riskmap_web, riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee;

-- The ledgers of some zones as the caller may know them. Who asks comes from the role and its setting, never from the
-- caller's words. Of a record that names a unit beyond the caller's rights: kind, title, dates and the unit's name, and
-- never code, unit's code, phone or text (`whole` is false then).
CREATE OR REPLACE FUNCTION zone_ledger(zones text[])
RETURNS TABLE (zone_code text, code text, kind text, title text, done_on date, due_on date, unit_code text,
               unit_name text, phone text, run_id integer, note text, synthetic boolean, rev bigint, whole boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  scope text := substring(current_setting('role') FROM '^riskmap_(city|township|village|grid|enterprise|committee)$');
  mine text := CASE WHEN scope <> 'city' THEN nullif(current_setting('riskmap.' || scope, true), '') END;
BEGIN
  RETURN QUERY
    SELECT r.zone_code, CASE WHEN k.own THEN r.code END, r.kind, r.title, r.done_on, r.due_on,
           CASE WHEN k.own THEN r.unit_code END, coalesce(r.unit_name, e.name), CASE WHEN k.own THEN r.phone END, r.run_id,
           CASE WHEN k.own THEN r.note END, coalesce(r.synthetic, false), r.rev, k.own
    FROM zone_record r LEFT JOIN enterprise e ON e.code = r.unit_code
    CROSS JOIN LATERAL (SELECT r.unit_code IS NULL OR scope = 'city' OR coalesce(mine = CASE scope
      WHEN 'township' THEN e.township_code WHEN 'village' THEN e.village_code WHEN 'grid' THEN e.grid_code
      WHEN 'enterprise' THEN e.code WHEN 'committee' THEN e.committee END, false) AS own) k
    WHERE r.zone_code = ANY (zones)
      AND (scope = 'city' OR EXISTS (SELECT FROM zone_member m WHERE m.zone_code = r.zone_code AND mine = CASE scope
        WHEN 'township' THEN m.township_code WHEN 'village' THEN m.village_code WHEN 'grid' THEN m.grid_code
        WHEN 'enterprise' THEN m.enterprise_code WHEN 'committee' THEN m.committee END))
    ORDER BY r.zone_code, r.done_on DESC NULLS FIRST, r.code;
END $$;
REVOKE EXECUTE ON FUNCTION zone_ledger(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zone_ledger(text[]) TO riskmap_city, riskmap_township, riskmap_village, riskmap_grid,
  riskmap_enterprise, riskmap_committee;

-- Duty persons of a zone itself are its members' to know; a duty of a single unit goes with that unit.
DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['duty', 'duty_past'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS of_zones ON %I', tab);
    EXECUTE format('CREATE POLICY of_zones ON %I FOR SELECT TO riskmap_township, riskmap_village, riskmap_grid,
                    riskmap_enterprise, riskmap_committee
                    USING (object_layer = ''zone'' AND object_code IN (SELECT m.zone_code FROM zone_member m))', tab);
  END LOOP;
END $$;
