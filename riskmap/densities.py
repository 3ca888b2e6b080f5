"""Densities of pure liquids by CAS, from the edition: what makes a volume in an inventory a mass.

The table (`riskmap/tables/densities_2026_1/`) is ours and every figure in it names its source; an empty figure is an
unknown one. A solution, a mixture or a substance that is only known by its class has no density here.
"""

from dataclasses import dataclass
from decimal import Decimal

from riskmap.editions import Edition
from riskmap.names import cas_number
from riskmap.substances import Catalogue

ROLE = "densities"
_COLUMNS = ("cas", "name_zh", "density_t_m3", "temperature_c", "source", "taken_on", "confidence")
_MARKS = ("high", "medium")


@dataclass(frozen=True, slots=True)
class Densities:
    """Densities in t/m³ by the key of the substance that the catalogue finds."""

    catalogue: Catalogue
    by_key: dict[str, Decimal]

    @classmethod
    def from_edition(cls, edition: Edition, catalogue: Catalogue) -> "Densities":
        """From an edition's table `densities`, if it has one.

        BadInput, naming file, row and field, for a wrong CAS, a doubled one, or a density without a source or day.
        """
        rows = edition.rows(ROLE, "densities", _COLUMNS) if ROLE in edition.tables else []
        by_key: dict[str, Decimal] = {}
        seen: set[str] = set()
        for row in rows:
            number = cas_number(row.text("cas"))
            if number is None or number in seen:
                raise row.wrong("cas", "不是 CAS 号，或与上面的行重复", "请核对 CAS 号；每种液体一行")
            seen.add(number)
            if row.text("density_t_m3", needed=False):
                for field in ("temperature_c", "source", "taken_on"):
                    row.text(field)
                row.choice("confidence", _MARKS)
                by_key[catalogue.match(cas=number).key] = row.number_of("density_t_m3")
        return cls(catalogue, by_key)

    def of(self, *, cas: str | None, name: str | None, hazard_class: str | None) -> Decimal | None:
        """The density of an inventory row's substance in t/m³; None where it is not on file or no pure liquid."""
        match = self.catalogue.match(cas=cas, name=name, hazard_class=hazard_class)
        if match.by == "class" or match.reason not in {"", "unknown"}:
            return None
        return self.by_key.get(match.key)
