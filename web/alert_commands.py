"""The commands `alerts` and `alerts run`: warnings as a list, and the rules evaluated now."""

from typing import Annotated

import typer

from layers.database import CITY, reading
from web.console import print_json, print_table, say
from web.opening import Json, opened, settings_of
from web.texts import word

app = typer.Typer(help="预警提示：列出，或立即按规则计算", invoke_without_command=True)
_SHOWN = 200


@app.callback()
def alerts(
    context: typer.Context,
    township: Annotated[str | None, typer.Option(help="只列一个镇街，9 位代码")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = _SHOWN,
    json: Json = False,
) -> None:
    """列出预警提示，未解除的在前。"""
    if context.invoked_subcommand:
        return
    from layers.alert_ledger import warning_page

    with opened(settings_of(context)) as city, reading(city.reader, CITY) as connection:
        page = warning_page(connection, township=township, limit=limit)
    if json:
        print_json(page.items)
        return
    rows = [
        one
        | {
            "warn": word("zh", "warning_level", one["warn"]),
            "kind": word("zh", "fact_kind", one["kind"]),
            "name": one["said"].get("name"),
            "state": word("zh", "warning_state", one["state"]),
        }
        for one in page.items
    ]
    columns = {
        "id": "编号",
        "warn": "预警级别",
        "kind": "事由",
        "name": "对象",
        "township": "镇街",
        "state": "状态",
        "fired_at": "发布时间",
    }
    print_table("预警提示", rows, columns)
    if page.total > len(rows):
        say(f"共 {page.total} 条，--limit 可列更多")


@app.command()
def run(context: typer.Context, json: Json = False) -> None:
    """立即按规则计算：事实、判断、抑制、静默、合并、去重、发送、记录。"""
    from jobs.alerts import run_alerts

    with opened(settings_of(context)) as city:
        told = run_alerts(city.owner, actor="cli")
    if json:
        print_json(told)
        return
    counts = told["counts"]
    say(
        f"事实 {counts['facts']} 条，未解除的预警提示 {counts['open']} 条"
        f"（被抑制 {counts['suppressed']}，静默 {counts['silenced']}），新发消息 {counts['messages']} 条"
    )
