"""The command `backtest`: rules tried on the city's history beside the live ones, or the live ledger done again."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY, reading
from layers.editions import edition_named, filed
from layers.history import CLOCK
from riskmap.errors import BadInput
from riskmap.rule_words import audience_words
from web.console import print_json, print_table, progress, say
from web.opening import Json, Opened, opened, settings_of

_SHOWN = 30


def backtest(
    context: typer.Context,
    rules: Annotated[
        str | None, typer.Argument(help="规则文件 .toml、版本文件夹，或已收入的版本名；--replay 时不写")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="第一天，如 2026-01-01；不写为最近 30 天")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="最后一天；不写为昨天")] = None,
    picture: Annotated[Path | None, typer.Option(help="把结果画成图，写入 .svg 文件")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="留存结果：批准这些规则时须有")] = False,
    replay: Annotated[bool, typer.Option("--replay", help="重放已有的预警计算，核对是否与台账一致")] = False,
    json: Json = False,
) -> None:
    """用历史回测一套预警规则：每天、每人多少消息，提前多久，空报和漏报；与现行规则并列。不写入任何内容。"""
    with opened(settings_of(context)) as city:
        if replay:
            _replay(city, json=json)
            return
        if rules is None:
            raise BadInput("没有给出规则", remedy="请给出规则文件、版本文件夹或版本名")
        _tried(city, rules, (first, last), picture, keep=keep, json=json)


def _tried(
    city: Opened,
    rules: str,
    span: tuple[str | None, str | None],
    picture: Path | None,
    *,
    keep: bool,
    json: bool,
) -> None:
    from jobs.backtest import backtest as try_rules
    from jobs.backtests import keep as keep_it
    from jobs.backtests import last_days

    if picture is not None and picture.suffix != ".svg":
        raise BadInput(f"不能写成 {picture.suffix or '无扩展名'} 的图", remedy="请给出 .svg 文件名")
    table = _table(city, rules)
    with reading(city.reader, CITY) as connection:
        usual = last_days(connection, datetime.now(CLOCK).date())
    first, last = (_day(one) if one else other for one, other in zip(span, usual, strict=True))
    with progress(quiet=json) as bar:
        told = try_rules(city.owner, table, first, last, progress=bar)
    if keep:
        told["rev"] = keep_it(city.owner, told, actor="cli")
    if picture is not None:
        _draw(told, picture)
    if json:
        print_json(told)
    else:
        _print(told)


def _table(city: Opened, rules: str) -> Any:
    """The rules of a file or folder, or of an edition on file."""
    from riskmap.rule_files import read_rules, rules_table

    with reading(city.reader, CITY) as connection:
        if not Path(rules).exists() and rules in {one.name for one in filed(connection)}:
            return rules_table(edition_named(connection, rules))
    return read_rules(Path(rules))


def _draw(told: dict[str, Any], path: Path) -> None:
    from riskmap.backtest_picture import picture

    path.write_text(picture(told), "utf-8")


def _print(told: dict[str, Any]) -> None:
    say(f"回测 {told['from']} 至 {told['to']}，{told['days']} 天，{told['instants']} 个时刻")
    for name, one in (("所测规则", told), ("现行规则", told["live"])):
        unknown = "均未预先提示" if one["incidents"] else "无事故可比"
        lead = unknown if one["lead_time_h"] is None else f"提前 {one['lead_time_h']:g} 小时"
        say(
            f"  {name}：预警提示每天 {one['warnings_per_day']:g} 条，消息每天 {one['messages_per_day']:g} 条；"
            f"镇街负责人一天最多 {one['leader']['most']} 条，中位 {one['leader']['median']:g} 条；"
            f"事故 {one['incidents']} 起，漏报 {one['missed']}，空报 {one['false']}，{lead}"
        )
    if told["unknown"]["zones"]:
        say(f"  其中 {told['unknown']['zones']} 天没有联防联控片区的记录，片区规则未参加")
    rows = [one | {"audience": audience_words(one["audience"])} for one in told["per_person"][:_SHOWN]]
    columns = {
        "person": "人员",
        "audience": "身份",
        "messages": "消息",
        "per_day": "每天",
        "median": "中位",
        "most": "一天最多",
    }
    print_table("每人收到的消息", rows, columns)


def _replay(city: Opened, *, json: bool) -> None:
    from jobs.alert_replay import replay_alerts

    with progress(quiet=json) as bar:
        told = replay_alerts(city.owner, progress=bar)
    if json:
        print_json(told)
    elif told["answer"] == "equal":
        say(
            f"重放 {told['passes']} 次计算：{told['warnings']} 条预警提示、{told['messages']} 条消息与台账完全一致"
        )
    else:
        say(f"重放与台账不一致（{told['answer']}）：{len(told['differences'])} 处不同，--json 列出每处")
    if told["answer"] != "equal":
        raise typer.Exit(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"“{text}”不是日期", remedy="请写成 2026-01-31 的形式") from None
