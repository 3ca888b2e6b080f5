"""The commands about editions of the rules: list, read, export, draft, compare, approve, withdraw, and stability."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY, reading
from layers.editions import edition_named, filed
from layers.history import CLOCK
from riskmap.errors import BadInput, NotFound
from riskmap.vocabulary import LEVELS
from web.console import print_facts, print_json, print_table, progress, say
from web.opening import Json, Opened, opened, settings_of
from web.texts import translate

app = typer.Typer(help="规则版本：起草、比较、批准、撤回", no_args_is_help=True)

_SHOWN = 200
_COLOURS = (*LEVELS.values(), None)
Name = Annotated[str, typer.Argument(help="版本名，见 riskmap editions list")]
Reason = Annotated[str | None, typer.Option(help="理由或文号，记入审计")]


@app.command("list")
def list_editions(context: typer.Context, json: Json = False) -> None:
    """列出全部规则版本：状态、施行日期、由谁何时批准。"""
    with opened(settings_of(context)) as city:
        found = _listed(city)
    if json:
        print_json(found)
        return
    rows = [one | {"state": translate("zh", f"editions.state.{one['state']}")} for one in found]
    columns = {
        "name": "版本",
        "title": "名称",
        "state": "状态",
        "effective_from": "施行",
        "approved_by": "批准机关",
        "approved_on": "批准日期",
    }
    print_table("规则版本", rows, columns)
    if not any(one["state"] == "in_force" for one in found):
        say(translate("zh", "editions.unapproved"))


def _listed(city: Opened) -> list[dict[str, Any]]:
    with reading(city.reader, CITY) as connection:
        known = filed(connection)
    heads = [one.head for one in known]
    return [one.told(heads, datetime.now(CLOCK).date()) for one in known]


@app.command()
def show(context: typer.Context, name: Name, json: Json = False) -> None:
    """显示一个规则版本；--json 连同全部数表。"""
    with opened(settings_of(context)) as city:
        told = next((one for one in _listed(city) if one["name"] == name), None)
        if told is None:
            raise NotFound(f"没有规则版本 {name}", remedy="用 riskmap editions list 查看全部版本")
        with reading(city.reader, CITY) as connection:
            content = edition_named(connection, name)
    if json:
        print_json(told | {"tables": content.tables})
        return
    said = {"state": translate("zh", f"editions.state.{told['state']}"), "comparison": None}
    print_facts(name, told | said | {"backtest": _tried(told)})
    heads = [{"role": role, **table["table"]} for role, table in content.tables.items()]
    print_table("数表", heads, {"role": "用途", "edition": "数表", "title": "名称", "basis": "依据"})


def _tried(told: dict[str, Any]) -> str | None:
    """What the approval of an edition kept of the back-test of its rules, in a line."""
    kept = (told["comparison"] or {}).get("backtest")
    if kept is None:
        return None
    figures = {"messages": kept["messages_per_day"], "live": kept["live"]["messages_per_day"]}
    return translate("zh", "editions.tried", days=kept["days"], most=kept["leader"]["most"], **figures)


@app.command()
def export(
    context: typer.Context,
    name: Name,
    path: Annotated[Path, typer.Argument(help="新文件夹，或 .json 文件")],
    json: Json = False,
) -> None:
    """把一个规则版本写成可修改的文件夹（TOML 和 CSV），或一个 .json 文件。"""
    from riskmap.edition_files import write_edition

    with opened(settings_of(context)) as city, reading(city.reader, CITY) as connection:
        written = write_edition(edition_named(connection, name), path)
    if json:
        print_json({"name": name, "files": [str(file) for file in written]})
    else:
        say(f"版本 {name} 已写入 {path}（{len(written)} 个文件）")


@app.command()
def draft(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="版本文件夹，或 .json 文件")],
    name: Annotated[str | None, typer.Option(help="另起的版本名")] = None,
    json: Json = False,
) -> None:
    """把文件夹或 .json 文件收为草案：逐表检查，不影响计算；同名草案被替换。"""
    from jobs.editions import draft as take_in

    with opened(settings_of(context)) as city:
        made = take_in(city.owner, path, actor="cli", name=name)
    if json:
        print_json(made)
    else:
        say(f"草案 {made['name']} 已" + ("替换" if made["replaced"] else "收入") + "，批准前不参与计算")


@app.command()
def compare(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="现行版本")],
    new: Annotated[str, typer.Argument(help="新版本")],
    json: Json = False,
) -> None:
    """用两个版本各算一遍现有数据：哪些变色，哪些数值不同；不写入任何内容。"""
    from jobs.comparison import compare as compare_both

    with opened(settings_of(context)) as city, progress(quiet=json) as bar:
        found = compare_both(city.owner, old, new, progress=bar)
    if json:
        print_json(found)
    else:
        _print_comparison(found)


def _print_comparison(found: dict[str, Any]) -> None:
    for kind, counted in found["kinds"].items():
        moves = [
            f"{_colour(a)}→{_colour(b)} {n}"
            for a, row in zip(_COLOURS, counted["matrix"], strict=True)
            for b, n in zip(_COLOURS, row, strict=True)
            if n and a != b
        ]
        said = f"{translate('zh', f'editions.kind.{kind}')} {counted['total']}：变色 {counted['changed']}"
        say(said + (f"（风险等级 {'，'.join(moves)}）" if moves else ""))
    differing = [one | {"table": f"{one['table']}.{one['part']}"} for one in found["differences"][:_SHOWN]]
    print_table(
        "不同的数值", differing, {"table": "表", "row": "行", "field": "字段", "old": "旧", "new": "新"}
    )
    rows = [
        one
        | {
            "kind": translate("zh", f"editions.kind.{one['kind']}"),
            "levels": f"{_colour(one['old_level'])}→{_colour(one['new_level'])}",
            "scores": f"{one['old_score']}→{one['new_score']}",
            "largest": one["largest"]
            and f"{one['largest']['label']} {one['largest']['old']}→{one['largest']['new']}",
        }
        for one in found["changed"][:_SHOWN]
    ]
    columns = {
        "kind": "类别",
        "code": "编码",
        "name": "名称",
        "levels": "风险等级",
        "scores": "分值",
        "largest": "差别最大的一项",
    }
    print_table("变色的对象", rows, columns)


def _colour(level: str | None) -> str:
    return translate("zh", f"level.{level}") if level else "无"


@app.command()
def approve(
    context: typer.Context,
    name: Name,
    by: Annotated[str, typer.Option("--by", help="批准机关，如 市安全生产委员会")],
    effective_from: Annotated[str, typer.Option("--from", help="施行日期，如 2026-07-01")],
    reason: Reason = None,
    json: Json = False,
) -> None:
    """批准一个草案或示范版本：先与现行版本比较并留存结果，自施行日起计算采用，此后不可改动。"""
    from jobs.editions import approve as put_in_force

    try:
        day = date.fromisoformat(effective_from)
    except ValueError:
        raise BadInput(f"“{effective_from}”不是日期", remedy="请写成 2026-07-01 的形式") from None
    with opened(settings_of(context)) as city, progress(quiet=json) as bar:
        made = put_in_force(
            city.owner, name, by=by, effective_from=day, actor="cli", reason=reason, progress=bar
        )
    if json:
        print_json(made)
        return
    turned = sum(one["changed"] for one in made["comparison"]["kinds"].values())
    say(
        f"版本 {name} 已由{by}批准，自 {day} 起施行；与 {made['comparison']['old']['name']} 比较，{turned} 个变色"
    )


@app.command()
def withdraw(context: typer.Context, name: Name, reason: Reason = None, json: Json = False) -> None:
    """撤回一个草案；历史中保留。"""
    from jobs.editions import withdraw as take_back

    with opened(settings_of(context)) as city:
        made = take_back(city.owner, name, actor="cli", reason=reason)
    if json:
        print_json(made)
    else:
        say(f"草案 {name} 已撤回")


@app.command()
def stability(context: typer.Context, json: Json = False) -> None:
    """检查每个颜色在各权重单独增减 20% 时是否不变，结果供地图和说明查看。"""
    from jobs.stability import check_stability

    with opened(settings_of(context)) as city, progress(quiet=json) as bar:
        made = check_stability(city.owner, actor="cli", progress=bar)
    if json:
        print_json(made)
        return
    say(
        f"第 {made['run_id']} 次计算，版本 {made['edition']}，{made['weights']} 个权重各 ±20%，{made['duration_s']:.1f} 秒"
    )
    for kind, counted in made["kinds"].items():
        named = translate("zh", f"editions.kind.{kind}")
        said = f"固有等级稳定 {counted['base_level']} 个，当前等级稳定 {counted['level']} 个"
        say(f"  {named}：{counted['total']} 个，{said}")
