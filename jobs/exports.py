"""Exports: one layer's records under the caller's rights into one file, recorded as a revision without rows."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs.past import past_of
from jobs.progress import Progress
from layers.crs import declared_crs
from layers.database import Identity, reading, writing
from layers.exports import Block, Export, Wanted
from layers.fields import LAYERS
from layers.history import CLOCK, open_revision
from layers.intake import layer_named
from layers.mapping import Mapping, read_mapping
from layers.outgoing import Sheet
from layers.templates import write_template
from layers.writing import FORMS, kind_of, whole_file, write_file
from riskmap.errors import BadInput, TooLarge


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, and the revision that tells of it."""

    layer: str
    file: str
    format: str
    rows: int
    filters: dict[str, str]
    crs: str
    rev: int

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "layer": self.layer,
            "file": self.file,
            "format": self.format,
            "rows": self.rows,
            "as_of": self.filters.get("as_of"),
            "filters": {name: value for name, value in self.filters.items() if name != "as_of"},
            "crs": self.crs,
            "rev": self.rev,
        }


def export_layer(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    layer_name: str,
    path: Path,
    wanted: Wanted | None = None,
    *,
    crs: str | None = None,
    mapping: Path | Mapping | None = None,
    lang: str = "zh",
    actor: str | None = None,
    most_rows: int | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Export what `identity` may see of a layer into `path`, whose suffix says the kind of file.

    The revision is written before the file takes its name, so nothing leaves unrecorded. BadInput for a layer, path
    or filter that cannot be, TooLarge over `most_rows` or over what the kind of file holds, Refused where the
    mapping cannot say a value.
    """
    layer, wanted, kind = layer_named(layer_name), wanted or Wanted(), kind_of(path)
    declared = declared_crs(crs)
    if isinstance(mapping, Path):
        mapping = read_mapping(mapping, layer)
    sheet = Sheet(layer, FORMS[kind], lang=lang, mapping=mapping, declared=declared)
    then = past_of(owner, wanted.as_of, levels=bool(wanted.level)) if wanted.as_of else None
    with whole_file(path) as draft:
        with reading(reader, identity) as connection:
            export = Export(connection, layer, wanted, then)
            rows = export.count()
            if most_rows is not None and rows > most_rows:
                raise TooLarge(
                    f"共 {rows:,} 行，超过一次导出的 {most_rows:,} 行",
                    remedy="请加筛选条件，或在服务器上用 riskmap export 导出",
                )
            with closing(_counted(export, rows, progress)) as blocks:
                write_file(draft, kind, sheet, blocks, rows)
        limits = "，".join(f"{name}={value}" for name, value in wanted.told().items())
        reason = f"{layer.zh} → {kind}，{rows} 行" + (f"；{limits}" if limits else "")
        with writing(owner) as connection:
            rev = open_revision(connection, actor or identity.name, "export", reason)
    return ExportReport(layer_name, path.name, kind, rows, wanted.told(), declared.name, rev)


def _counted(export: Export, rows: int, progress: Progress | None) -> Generator[Block, None, None]:
    """The blocks, telling how many of all have passed."""
    done = 0
    with closing(export.blocks()) as blocks:
        for block in blocks:
            yield block
            done += len(block)
            if progress is not None:
                progress("导出", done / rows)


def export_template(layer_name: str, path: Path, lang: str = "zh") -> None:
    """Write a layer's workbook to fill in. It holds no record, so nothing is recorded. BadInput for another suffix."""
    layer = layer_named(layer_name)
    if kind_of(path) != "xlsx":
        raise BadInput(f"{path.name}：模板只能是 .xlsx", remedy="请以 .xlsx 结尾")
    with whole_file(path) as draft:
        write_template(draft, layer, lang)


def file_name(layer_name: str, kind: str, lang: str = "zh", as_of: str | None = None) -> str:
    """What a downloaded export is called: the layer, and the day it speaks of."""
    layer = LAYERS[layer_name]
    day: date | str = as_of[:10] if as_of else datetime.now(CLOCK).date()
    return f"{layer.zh if lang == 'zh' else layer.en} {day}.{kind}"
