"""The commands about imports: a file into a layer, which imports there were, and taking one back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY, reading
from layers.fields import LAYERS
from layers.kinds import ACCEPTED
from layers.records import iso
from layers.undoing import imports
from riskmap.errors import Refused
from web.console import print_json, print_table, progress, say, tell
from web.opening import Json, opened, settings_of

_ROWS_SHOWN = 200


def import_layer(
    context: typer.Context,
    layer: Annotated[str, typer.Argument(help="图层：" + " ".join(LAYERS))],
    file: Annotated[Path, typer.Argument(help=ACCEPTED)],
    crs: Annotated[str | None, typer.Option(help="wgs84 cgcs2000 gcj02 bd09 EPSG:n")] = None,
    mapping: Annotated[Path | None, typer.Option(help="字段对应文件 .toml")] = None,
    sheet: Annotated[str | None, typer.Option(help="工作表，或 GeoPackage 的图层")] = None,
    encoding: Annotated[str | None, typer.Option(help="文本编码")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="有错的行跳过，其余写入")] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="把不能导入的行连同原因写成这个 .xlsx，改正后可直接再导入")
    ] = None,
    json: Json = False,
) -> None:
    """导入一个图层：全部成功或全部不写；每个错误说明行、字段、原因和改法。"""
    from jobs.imports import import_file

    options: dict[str, Any] = {"crs": crs, "mapping": mapping, "sheet": sheet, "encoding": encoding}
    try:
        with opened(settings_of(context)) as city, progress(quiet=json) as bar:
            report = import_file(
                city.owner,
                layer,
                file,
                **options,
                dry_run=dry_run,
                partial=partial,
                rejected=rejected,
                progress=bar,
            ).to_json()
    except Refused as refused:
        if "report" not in refused.facts:
            raise
        _print_import(refused.facts["report"], json=json)
        tell(refused)
        raise typer.Exit(1) from None
    _print_import(report, json=json)


def _print_import(report: dict[str, Any], *, json: bool) -> None:
    """What an import did, would do, or was refused for: every faulty row with its remedy."""
    if json:
        print_json(report)
        return
    outcomes = {"inserted": "新增", "updated": "更新", "unchanged": "未变"}
    counts = "，".join(f"{word} {report[name]}" for name, word in outcomes.items())
    told = f"{LAYERS[report['layer']].zh}：读取 {report['rows_read']} 行，{counts}，拒绝 {len(report['rejected'])}"
    say(told + ("（试运行，未写入）" if report["dry_run"] else ""))
    for question in report["questions"]:
        say(f"请确认：{question['text']}若是：{question['remedy']}")
    _print_rows("名称相同且相距很近，只提示，不合并", report["duplicates"], _PAIR)
    if report["duplicates"] is None:
        say("行数较多，未逐对查找重复；请在网页“数据质量”中查看疑似重复记录")
    for note in report["notes"]:
        say(f"注意：{note}")
    unmatched = [one | {"suggestions": "、".join(one["suggestions"])} for one in report["unmatched"]]
    _print_rows("未识别的物质（已保留）", unmatched, _UNMATCHED)
    _print_rows("不能导入的行", report["rejected"], _REJECTED)


_PAIR = {"row": "行", "name": "名称", "code": "编码", "other": "可能重复的编码", "distance_m": "相距(米)"}
_UNMATCHED = {
    "row": "行",
    "value": "物质",
    "reason": "原因",
    "suggestions": "相近的名称",
    "remedy": "改法",
}
_REJECTED = {"row": "行", "field": "字段", "value": "值", "reason": "原因", "remedy": "改法"}


def _print_rows(title: str, rows: list[dict[str, Any]] | None, columns: dict[str, str]) -> None:
    """The first rows of a part of the report, where it has any."""
    if rows:
        print_table(title, rows[:_ROWS_SHOWN], columns)


def list_imports(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最多列出几次")] = 20,
    json: Json = False,
) -> None:
    """列出最近的导入和撤销：修订号、时间、操作人、图层、行数、由哪次修订撤销。"""
    with opened(settings_of(context)) as city, reading(city.reader, CITY) as connection:
        found = imports(connection, limit)
    if json:
        print_json(found)
        return
    rows = [{**one, "at": iso(one["at"]), "layers": _layers_told(one["layers"])} for one in found]
    columns = {
        "rev": "修订",
        "at": "时间",
        "actor": "操作人",
        "reason": "内容",
        "layers": "行数",
        "undone_by": "撤销于",
    }
    print_table("最近的导入", rows, columns)


def _layers_told(layers: list[dict[str, Any]]) -> str:
    words = {"insert": "写入", "update": "更新", "delete": "撤回"}
    return "，".join(f"{LAYERS[one['layer']].zh}{words[one['op']]} {one['rows']}" for one in layers)


def undo(
    context: typer.Context,
    rev: Annotated[int, typer.Argument(help="修订号，见 riskmap imports")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
    json: Json = False,
) -> None:
    """整次撤销一次导入：它写入的记录恢复为导入前的样子，历史中保留两次修订；撤销也可以再撤销。"""
    from jobs.undo import undo as take_back

    try:
        with opened(settings_of(context)) as city:
            report = take_back(city.owner, rev, dry_run=dry_run).to_json()
    except Refused as refused:
        if refused.facts.get("conflicts") and not json:
            columns = {
                "layer": "图层",
                "code": "编码",
                "why": "原因",
                "rev": "后来的修订",
                "at": "时间",
                "actor": "操作人",
            }
            print_table("妨碍撤销的记录", refused.facts["conflicts"], columns)
        raise
    if json:
        print_json(report)
        return
    say(f"修订 {rev}" + ("可以撤销（试运行，未写入）" if dry_run else f" 已由修订 {report['rev']} 撤销"))
    for one in report["layers"]:
        told = f"撤回新增 {one['ended']}，恢复原值 {one['restored']}，找回 {one['returned']}"
        say(f"  {LAYERS[one['layer']].zh}：{told}")
