-- What two writings of one name have in common: width, case, blanks and brackets make no difference. Company suffixes
-- stay, as 甲公司 and 甲公司分公司 are two.
CREATE OR REPLACE FUNCTION same_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT translate(lower(normalize(name, NFKC)), E' \t\n\r' || chr(8203) || '()[]{}<>〔〕【】〖〗「」『』《》〈〉', '')
$$;
GRANT EXECUTE ON FUNCTION same_name(text) TO riskmap_web, riskmap_city, riskmap_township, riskmap_village,
  riskmap_grid, riskmap_enterprise, riskmap_committee;
