"""An edition is checked whole before it is kept: every table is built in its typed form, which refuses what is wrong."""

from riskmap.alert_rules import AlertRules
from riskmap.confidence import Figures
from riskmap.consequence_tables import ConsequenceRules
from riskmap.densities import Densities
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.siting_paper_rules import PaperRules
from riskmap.siting_relocation import RelocationRules
from riskmap.siting_rules import SitingRules
from riskmap.sources import Gb18218
from riskmap.substances import Catalogue
from riskmap.weights import RiskWeights
from riskmap.zone_ledger import LedgerRules
from riskmap.zone_rules import ZoneRules

NEEDED = ("gb18218", "risk", "dynamic", "densities", "consequences")
"""the tables without which the program cannot compute"""


def check_edition(edition: Edition) -> None:
    """Build everything that the program builds from an edition.

    Raises BadInput, naming table, row and field, for the first thing that is missing or wrong.
    """
    for role in NEEDED:
        edition.table(role)
    catalogue = Catalogue.from_edition(edition)
    Gb18218.from_edition(edition)
    RiskWeights.from_edition(edition)
    DynamicWeights.from_table(edition.table("dynamic"))
    Densities.from_edition(edition, catalogue)
    ConsequenceRules.from_edition(edition)
    Figures.of(edition)
    ZoneRules.from_edition(edition)
    SitingRules.from_edition(edition)
    PaperRules.from_edition(edition)
    RelocationRules.from_edition(edition)
    AlertRules.from_edition(edition)
    LedgerRules.from_edition(edition)
