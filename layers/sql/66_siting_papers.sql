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
