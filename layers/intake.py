"""A file's rows made ready: columns named, cells read, positions placed, keys found. No database in here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import pyarrow as pa

from layers.checks import check_table
from layers.crs import Declared, declared_crs, metric_system
from layers.events import Told, by_content, disputed, shared
from layers.fields import LAYERS, Layer
from layers.keys import own_codes, place_codes, substance_codes, unmatched
from layers.mapping import Mapping, Named, name_columns
from layers.positions import locate
from layers.quantities import DensityOf
from layers.sheets import Table
from layers.staging import Incoming
from riskmap.densities import Densities
from riskmap.editions import EDITIONS_KEPT, Edition
from riskmap.errors import BadInput
from riskmap.settings import City
from riskmap.substances import Catalogue


@lru_cache(maxsize=EDITIONS_KEPT)
def _densities(edition: Edition) -> Densities:
    return Densities.from_edition(edition, Catalogue.from_edition(edition))


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows are read by: the city they belong to, and the edition (asked for by inventories only)."""

    city: City
    edition: Callable[[], Edition]

    @property
    def catalogue(self) -> Catalogue:
        """The edition's substances."""
        return Catalogue.from_edition(self.edition())

    def density_of(self) -> DensityOf:
        """What knows the densities on file; the edition is asked for at the first volume, once."""

        @cache
        def densities() -> Densities:
            return _densities(self.edition())

        return lambda cas, name, hazard_class: densities().of(cas=cas, name=name, hazard_class=hazard_class)


def layer_named(name: str) -> Layer:
    """The layer of that import name. BadInput, listing all, where there is none."""
    if name not in LAYERS:
        raise BadInput(f"没有图层 {name[:40]}", remedy=f"可用：{' '.join(LAYERS)}")
    return LAYERS[name]


def prepare(
    layer: Layer,
    table: Table,
    rules: Rules,
    *,
    crs: str | None = None,
    mapping: Mapping | None = None,
    several: bool = False,
) -> tuple[Incoming, Named]:
    """The table's rows ready to be staged, with the faults found so far; and what each header was taken for.

    The rows are one delivery, or `several`: then those of one key that contradict each other are groups of their
    own, between which the caller decides.

    BadInput where the file as a whole cannot be used: columns missing, an unknown or undeclared reference system.
    """
    named = name_columns(table, layer, mapping)
    checked = check_table(layer, table, named, rules.density_of())
    _put_down(table)
    metric = metric_system(rules.city.metric_srid)
    positions = locate(checked, table, named, system_of(table, crs), metric)
    _put_down(table)
    placed = layer.position != "none" and (table.wkb is not None or bool({"wkt", "lon"} & set(named.cells)))
    if layer.table == "inventory":
        groups = substance_codes(checked, rules.catalogue)
        named.unmatched = unmatched(checked, rules.catalogue)
    else:
        if layer.table == "population":
            place_codes(checked, positions)
        groups = own_codes(checked)
        if layer.immutable:
            told = Told(checked.columns, positions)
            if several:
                groups = by_content(told, groups)
            elif faults := disputed(told, checked.rows, shared(groups)):
                checked.faults |= faults
                groups = own_codes(checked)
    _put_down(table)
    return Incoming.of(checked, groups, positions if placed else None), named


def _put_down(table: Table) -> None:
    """Between two steps: give back the memory of the cells, and what the step before worked with, which Arrow keeps else."""
    table.put_down()
    pa.default_memory_pool().release_unused()


def system_of(table: Table, crs: str | None) -> Declared:
    """The system the table's positions are in: the one declared by the person, else by the file, else plain degrees.

    BadInput where the file names one that does not count as declared.
    """
    if table.crs is not None and crs is None and not table.crs_stands:
        raise BadInput(
            f"{table.name} 写明的坐标系是 {table.crs}，需要确认",
            remedy="请用 --crs 写明坐标系，如 --crs EPSG:4547",
        )
    return declared_crs(crs or table.crs)


def crs_note(table: Table, crs: str | None) -> list[str]:
    """That positions were converted by what the file itself says, where they were."""
    return [f"坐标按文件写明的坐标系 {table.crs} 换算"] if table.crs_stands and crs is None else []
