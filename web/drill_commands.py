"""The command `drill`: a made-up alarm that goes the whole way of warnings, shown dry first; its end and its report."""

import json as json_text
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY, Identity, reading
from riskmap.drills import Scenario, reached, scenario_of
from riskmap.errors import BadInput, NotFound, Refused
from web.console import print_json, print_table, say
from web.opening import Json, opened, settings_of
from web.texts import word

app = typer.Typer(help="演练：走一遍预警提示的全过程，处处标明演练", invoke_without_command=True)
_WHO = Identity("cli", "city")
Code = Annotated[str | None, typer.Argument(help="演练编号；不写为最近一场")]


@app.callback()
def drill(
    context: typer.Context,
    scenario: Annotated[
        Path | None,
        typer.Option(help="方案文件（JSON：name source level why minutes）；不写为全市风险最高的危险源"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只列出会通知谁，不发送")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问，直接开始")] = False,
    json: Json = False,
) -> None:
    """先列出会通知谁，确认后开始；到时自动解除并归档。"""
    if context.invoked_subcommand:
        return
    from jobs.drills import plan_drill, start_drill

    wanted = _read(scenario)
    with opened(settings_of(context)) as city:
        plan = plan_drill(city.owner, wanted)
        if not json:
            _show(plan)
        if dry_run:
            begun = None
        elif yes or (not json and sys.stdin.isatty() and typer.confirm("现在开始演练？", err=True)):
            begun = start_drill(city.owner, _WHO, wanted)
        else:
            raise Refused("演练没有开始：需要确认", remedy="核对名单后加 --yes 再运行；只看名单用 --dry-run")
    if json:
        print_json({"dry_run": dry_run, "plan": plan, "drill": begun})
    elif begun:
        say(f"演练 {begun['code']} 已开始，至 {begun['ends_at']:%H:%M} 自动结束；提前结束：riskmap drill end")


@app.command()
def end(context: typer.Context, code: Code = None, json: Json = False) -> None:
    """提前结束演练：发出解除，归档。"""
    from jobs.drills import end_drill

    with opened(settings_of(context)) as city:
        ended = end_drill(city.owner, _WHO, code)
    if json:
        print_json({"code": ended})
    else:
        say(f"演练 {ended} 已结束并归档")


@app.command()
def report(context: typer.Context, code: Code = None, json: Json = False) -> None:
    """演练报告：通知了谁，何时送达、阅读、签收、应答、处置。"""
    from layers.drills import drills_told

    with opened(settings_of(context)) as city, reading(city.reader, CITY) as connection:
        found = drills_told(connection, 1, code)
    if not found:
        raise NotFound(f"没有演练 {code or ''}".rstrip(), remedy="请先运行 riskmap drill")
    row = found[0]
    people = [one._asdict() for one in reached(row["started_at"], row["warnings"])]
    if json:
        shown = {name: value for name, value in row.items() if name != "warnings"}
        print_json({**shown, "warnings": [one["id"] for one in row["warnings"]], "people": people})
        return
    proofs = {
        "sent": "发出",
        "delivered": "送达",
        "read": "阅读",
        "signed": "签收",
        "answered": "应答",
        "acted": "处置",
    }
    rows = [
        {"person": one["person"], **{name: _took(one["took_s"][name]) for name in proofs}} for one in people
    ]
    print_table(f"演练 {row['code']} {row['name']}（开始后用时）", rows, {"person": "姓名", **proofs})


def _took(seconds: int | None) -> str:
    return "—" if seconds is None else f"{seconds // 60}分{seconds % 60:02d}秒"


def _read(path: Path | None) -> Scenario:
    if path is None:
        return Scenario()
    try:
        given = json_text.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"不能读取方案 {path.name}", remedy="请给出一个 UTF-8 的 JSON 文件") from error
    if not isinstance(given, dict):
        raise BadInput(f"方案 {path.name} 不是一个对象", remedy='如 {"source": "…", "level": "red"}')
    return scenario_of(given)


def _show(plan: dict[str, Any]) -> None:
    rows = [
        {**one, "audience": word("zh", "duty_role", one["audience"].partition("@")[0])}
        for one in plan["messages"]
    ]
    print_table(
        f"演练：{plan['source_name']}，将通知",
        rows,
        {"person": "姓名", "audience": "职责", "channel": "渠道", "text": "内容"},
    )
    if plan["silenced"]:
        say("当前的静默会压住这场演练的消息")
