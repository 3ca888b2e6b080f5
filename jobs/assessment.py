"""The whole account of a city from its records, ready to be kept. Pure: no database, no clock."""

import pandas as pd

from jobs.accounts import Accounts, enterprise_accounts, source_accounts
from jobs.areas import Standing, area_results
from jobs.city import City, arrange
from jobs.results import Assessment, assessment_of
from layers.risk import Inputs
from layers.schema import SCOPE


def assess_records(inputs: Inputs, city_code: str) -> Assessment:
    """Every score and account of a city of these records."""
    city = arrange(inputs)
    sources = source_accounts(inputs, city)
    enterprises = enterprise_accounts(inputs, city, sources)
    areas = area_results(inputs, city.ground, Standing.of(as_standing(city, sources)), city_code)
    return assessment_of([sources.results, enterprises.results, *areas], inputs.edition.hash)


def as_standing(city: City, sources: Accounts) -> pd.DataFrame:
    """The sources as areas hold them: code, scope, site and colours."""
    return city.graded.sources[["code", *SCOPE]].assign(
        site=city.graded.sites, level=sources.scored.level, base_level=sources.scored.base_level
    )
