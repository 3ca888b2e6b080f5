"""The commands about imports that were made: which there were, and taking one back."""

from typing import Annotated, Any

import typer

from layers.database import CITY, reading
from layers.fields import LAYERS
from layers.records import iso
from layers.undoing import imports
from riskmap.errors import Refused
from web.console import print_json, print_table, say
from web.opening import Json, opened, settings_of


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
