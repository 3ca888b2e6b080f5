"""The commands about warnings: listed, one told or explained, the rules evaluated now or written as a file."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY, reading
from layers.editions import edition_named, edition_on
from layers.history import CLOCK
from riskmap.alert_rules import AlertRules
from riskmap.errors import BadInput, NotFound
from riskmap.rule_files import rules_file, rules_table
from riskmap.rule_words import rule_words
from riskmap.settings import Settings
from web.console import print_facts, print_json, print_table, say
from web.opening import Json, Opened, opened, settings_of
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


@app.command()
def rules(
    context: typer.Context,
    toml: Annotated[Path | None, typer.Option(help="把规则写成一个 .toml 文件，可修改后回测")] = None,
    json: Json = False,
) -> None:
    """用文字列出现行规则；--toml 写成文件。"""
    with opened(settings_of(context)) as city, reading(city.reader, CITY) as connection:
        edition = edition_on(connection, datetime.now(CLOCK).date())
    if toml is not None:
        toml.write_text(rules_file(rules_table(edition)), "utf-8")
    told = [
        {"code": one.code, **rule_words(one), "warn": word("zh", "warning_level", str(one.warn))}
        for one in AlertRules.from_edition(edition).rules
    ]
    if json:
        print_json(told)
    elif toml is not None:
        say(f"版本 {edition.name} 的 {len(told)} 条规则已写入 {toml}")
    else:
        columns = {"code": "编码", "name": "规则", "what": "情况", "when": "时间", "to": "告知"}
        print_table(f"规则（版本 {edition.name}）", told, columns)


@app.command()
def public(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help="draft、open、expired、replaced、lifted 或 withdrawn")
    ] = None,
    json: Json = False,
) -> None:
    """列出公开预警，生效中的在前；起草、审批和解除须登录后在页面或接口办理。"""
    from layers.public_warnings import public_page

    with opened(settings_of(context)) as city, reading(city.reader, CITY) as connection:
        page = public_page(connection, datetime.now(CLOCK), state=state, limit=_SHOWN)
    if json:
        print_json(page.items)
        return
    rows = [
        one
        | {
            "level": word("zh", "warning_level", one["level"]),
            "title": one["said"]["zh"]["title"],
            "area": one["said"]["zh"]["area"],
            "state": word("zh", "public_state", one["state"]),
        }
        for one in page.items
    ]
    columns = {
        "code": "编号",
        "number": "发布文号",
        "level": "预警级别",
        "title": "名称",
        "area": "范围",
        "state": "状态",
        "until_at": "有效期至",
    }
    print_table("公开预警", rows, columns)
    if page.total > len(rows):
        say(f"共 {page.total} 条，只列出最前 {len(rows)} 条")


def shown(city: Opened, codes: list[str], as_of: str | None) -> list[dict[str, Any]]:
    """Warnings as `show alert` tells them: all of them as a list, or some with steps, messages and proofs."""
    from layers.alert_ledger import warning_page, warning_told

    _only_now(as_of)
    numbers = [_number(code) for code in codes]
    with reading(city.reader, CITY) as connection:
        if not numbers:
            return [_named(one) for one in warning_page(connection, limit=100_000).items]
        return [_named(warning_told(connection, number)) for number in numbers]


def explained(city: Opened, code: str, lang: str) -> dict[str, Any]:
    """Why a warning was given: its fact, the rule that asked for it, the reason of its last message, and what is proven."""
    (row,) = shown(city, [code], None)
    with reading(city.reader, CITY) as connection:
        rules = AlertRules.from_edition(edition_named(connection, row["edition"]))
    rule = rules.by_code.get(row["rule"])
    fact = {
        name: row[name] for name in ("kind", "layer", "record_code", "source_code", "part", "side", "said")
    }
    return {
        **{name: row[name] for name in ("id", "code", "name", "warn", "state", "reason")},
        "score": None,
        "contributions": [],
        "fact": fact,
        "reason_text": word(lang, "alert_reason", row["reason"]),
        "rule": {"code": row["rule"], "edition": row["edition"], **(rule_words(rule, lang) if rule else {})},
        **{name: row[name] for name in ("opened_at", "fired_at", "told_at", "ended_at")},
        **{name: row[name] for name in ("suppressed_by", "silenced_by", "steps", "proofs")},
    }


def print_explained(settings: Settings, code: str, *, as_of: str | None, lang: str, json: bool) -> None:
    """`explain alert`."""
    _only_now(as_of)
    with opened(settings) as city:
        told = explained(city, code, lang)
    if json:
        print_json(told)
        return
    rule = told["rule"]
    print_facts(
        f"{told['name']} {told['code']}",
        {
            "规则": rule.get("name", rule["code"]),
            "情况": rule.get("what"),
            "时间": rule.get("when"),
            "告知": rule.get("to"),
            "原因": told["reason_text"],
            "事实": told["fact"]["said"],
            "状态": word(lang, "warning_state", told["state"]),
            "首次触发": told["opened_at"],
            "最近告知": told["told_at"],
        },
    )
    print_table(
        "经过",
        told["steps"],
        {"at": "时间", "action": "步骤", "person": "人员", "state": "状态", "note": "说明"},
    )
    proofs = [{"person": person, **times} for person, times in told["proofs"].items()]
    columns = {"person": "人员", "sent": "发出", "delivered": "送达", "read": "阅读", "signed": "签收"}
    columns |= {"answered": "接听", "acted": "处置"}
    print_table("每人", [dict.fromkeys(columns) | one for one in proofs], columns)


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": str(row["id"]),
        "name": row["said"].get("name") or word("zh", "fact_kind", row["kind"]),
        **row,
    }


def _number(code: str) -> int:
    if not code.isdecimal() or len(code) > 18:
        raise NotFound(f"没有编号为 {code} 的预警提示", remedy="用 riskmap show alert 查看全部编号")
    return int(code)


def _only_now(as_of: str | None) -> None:
    if as_of:
        raise BadInput("预警提示没有 --as-of：每一步都带时间留在它自己的记录里", remedy="请去掉 --as-of")
