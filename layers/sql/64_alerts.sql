-- Warnings: their rights. What is watched and how groups stand is nobody's rows but the program's.

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['warning', 'warning_step', 'delivery', 'attempt'] LOOP
    CALL restrict_rows(tab);
  END LOOP;
  FOREACH tab IN ARRAY ARRAY['watch', 'alert_group'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tab);
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', tab);
  END LOOP;
END $$;
CALL city_rows('silence');
CALL open_rows('alert_run');
