"""The commands, one function each: read the options, call one job or one reader, print the answer.

What is slow to load (arrays, the map, the server) is imported by the command that needs it: `show` does not wait.
"""

import json as json_text
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from layers.cluster import database
from layers.database import CITY, reading
from layers.fields import LAYERS
from layers.records import KINDS, fetch
from riskmap.errors import NotFound
from riskmap.settings import Settings, load_city
from riskmap.themes import Theme
from riskmap.vocabulary import SCORE_KINDS
from web import (
    alert_commands,
    backtest_commands,
    drill_commands,
    edition_commands,
    import_commands,
    incident_commands,
    replay_commands,
    siting_commands,
    theme_commands,
    user_commands,
    zone_commands,
)
from web.console import Report, print_facts, print_json, print_table, progress, say
from web.opening import Json, Opened, opened, settings_of
from web.texts import LANGUAGES

app = typer.Typer(
    help="RiskMap 安全风险一张图：县市级安全生产风险分级与预警平台",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(user_commands.app, name="user")
app.add_typer(edition_commands.app, name="editions")
app.command("import")(import_commands.import_layer)
app.command("imports")(import_commands.list_imports)
app.command("undo")(import_commands.undo)
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(drill_commands.app, name="drill")
app.command("backtest")(backtest_commands.backtest)
app.command("incident")(incident_commands.incident)
app.command("replay")(replay_commands.replay)
app.command("siting")(siting_commands.siting)
app.command("themes")(theme_commands.themes)
app.command("zones")(zone_commands.zones)

AsOf = Annotated[str | None, typer.Option("--as-of", help="截至某日（2026-01-31）或某时刻")]


@app.command()
def demo(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(help="端口")] = None,
    once: Annotated[bool, typer.Option("--once", help="只建库、装载、计算，不启动网页")] = False,
    seed: Annotated[int, typer.Option(help="合成数据的随机种子")] = 1,
) -> None:
    """建立演示城市（沅江市，合成数据），计算风险并打开地图。"""
    from web.serving import run_demo

    run_demo(_settings(context, port), seed=seed, once=once)


@app.command()
def init(context: typer.Context) -> None:
    """为 RISKMAP_CITY 建立或更新数据库，不装入演示数据。"""
    from jobs.setup import prepare_database

    settings = _settings(context)
    city = load_city(settings.city)
    with database(settings) as dsn:
        changed = prepare_database(dsn, city)
    say(
        f"{city.name}（{city.code}，{city.metric_crs}）："
        + ("数据库已就绪" if changed else "已是最新，未作改动")
    )


@app.command()
def migrate(context: typer.Context) -> None:
    """把数据库结构更新到当前版本。"""
    from jobs.setup import prepare_database

    with opened(_settings(context), migrated=False) as city:
        changed = prepare_database(city.dsn, city.city)
    say("结构已更新" if changed else "已是最新，未作改动")


@app.command()
def serve(context: typer.Context, port: Annotated[int | None, typer.Option(help="端口")] = None) -> None:
    """启动网页服务。"""
    from web.serving import run_server

    run_server(_settings(context, port))


@app.command()
def work(context: typer.Context) -> None:
    """启动定时任务（同一数据库只有一个在工作，其余等候）。"""
    from web.serving import run_worker

    run_worker(_settings(context))


@app.command()
def doctor(context: typer.Context, json: Json = False) -> None:
    """逐项检查：数据库、权限、资源文件、时钟、数据源。"""
    from jobs.doctor import run_checks

    report = run_checks(_settings(context))
    if json:
        print_json(report.to_json())
    else:
        for check in report.checks:
            say(
                f"{check.mark} {check.name}：{check.message}"
                + (f"（{check.remedy}）" if check.remedy else "")
            )
    if not report.healthy:
        raise typer.Exit(1)


@app.command("export")
def export(
    context: typer.Context,
    layer: Annotated[str, typer.Argument(help="图层：" + " ".join(LAYERS))],
    file: Annotated[Path, typer.Argument(help=".xlsx .csv .geojson .gpkg")],
    as_of: AsOf = None,
    township: Annotated[str | None, typer.Option(help="镇街代码（9 位）")] = None,
    industry: Annotated[str | None, typer.Option(help="行业代码的开头，如 26")] = None,
    level: Annotated[str | None, typer.Option(help="当前风险：red orange yellow blue")] = None,
    base_level: Annotated[str | None, typer.Option(help="固有风险：red orange yellow blue")] = None,
    rise_level: Annotated[str | None, typer.Option(help="动态上升：red orange yellow blue")] = None,
    crs: Annotated[str | None, typer.Option(help="wgs84 cgcs2000 gcj02 bd09 EPSG:n")] = None,
    mapping: Annotated[Path | None, typer.Option(help="字段对应文件 .toml，与导入相同")] = None,
    template: Annotated[bool, typer.Option("--template", help="只写空白模板 .xlsx，供填写")] = False,
    lang: Annotated[str, typer.Option(help="表头语言：zh en")] = "zh",
    json: Json = False,
) -> None:
    """导出一个图层，再导入不改变任何数据；或用 --template 写出供填写的模板。"""
    from jobs.exports import export_layer, export_template
    from layers.exports import Wanted

    levels = {"level": level, "base_level": base_level, "rise_level": rise_level}
    wanted = Wanted(as_of=as_of, township=township, industry=industry, **levels)
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"没有语言 {lang}，可用：{' '.join(LANGUAGES)}")
    if template:
        if wanted.told() or crs or mapping:
            raise typer.BadParameter("模板没有数据：--template 不能与筛选条件、--crs 或 --mapping 同用")
        export_template(layer, file, lang)
        made = {"layer": layer, "file": file.name, "template": True}
    else:
        options: dict[str, Any] = {"crs": crs, "mapping": mapping, "lang": lang}
        with opened(_settings(context)) as city, progress(quiet=json) as bar:
            report = export_layer(
                city.owner, city.reader, CITY, layer, file, wanted, **options, actor="cli", progress=bar
            )
        made = report.to_json()
    if json:
        print_json(made)
    else:
        say(f"{LAYERS[layer].zh}：" + ("模板" if template else f"{made['rows']} 行") + f"已写入 {file}")


@app.command()
def assess(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="全部重算，不只算变化所及")] = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """计算各级风险，并据此划定联防联控片区；--as-of 只登记一次回算，不改动当前等级。"""
    from jobs.risk import assess as assess_city
    from jobs.zones import renew

    with opened(_settings(context)) as city, progress(quiet=json) as bar:
        result = assess_city(city.owner, actor="cli", as_of=as_of, full=full, progress=bar)
        if not as_of:
            renew(city.owner, actor="cli", full=full, progress=bar)
    if json:
        print_json(result)
        return
    say(f"第 {result['run_id']} 次计算，{result['duration_s']:.1f} 秒，规则版本 {result['edition']}")
    for kind, levels in result["levels"].items():
        say(f"  {kind}：当前风险 " + "，".join(f"{word} {n}" for word, n in levels.items()))


@app.command()
def show(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help=" ".join((*KINDS, "zone", "alert")))],
    codes: Annotated[list[str] | None, typer.Argument(metavar="[CODE]...")] = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """显示记录及其等级；不写编码则列出全部。"""
    with opened(_settings(context)) as city, progress(quiet=json) as bar:
        rows = _show(city, kind, codes or [], as_of, bar)
    if json:
        print_json(rows[0] if codes and len(codes) == 1 else rows)
    elif codes:
        for row in rows:
            print_facts(f"{row['name']} {row['code']}", row)
    else:
        print_table(kind, rows, _SHOWN)


_SHOWN = {
    "code": "编码",
    "name": "名称",
    "kind": "类别",
    "base_level": "固有风险",
    "base_score": "固有分值",
    "rise_level": "动态上升",
    "rise": "上升分值",
    "level": "当前风险",
    "score": "当前分值",
}
"""the columns of a list, each level under the name of its scale"""


def _show(city: Opened, kind: str, codes: list[str], as_of: str | None, bar: Report) -> list[dict[str, Any]]:
    from jobs.past import past_of

    if kind == "zone":
        return zone_commands.shown(city, codes, as_of)
    if kind == "alert":
        return alert_commands.shown(city, codes, as_of)
    then = past_of(city.owner, as_of, levels=kind in SCORE_KINDS, progress=bar) if as_of else None
    with reading(city.reader, CITY) as connection:
        if not codes:
            return fetch(connection, kind, then=then).items
        rows = [(code, fetch(connection, kind, code, then=then).items) for code in codes]
    missing = [code for code, found in rows if not found]
    if missing:
        raise NotFound(f"没有 {kind} {'、'.join(missing)}", remedy=f"用 riskmap show {kind} 查看全部编码")
    return [found[0] for _, found in rows]


@app.command()
def explain(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help=" ".join((*KINDS, "zone", "alert")))],
    code: str,
    as_of: AsOf = None,
    lang: Annotated[str, typer.Option(help="zh en")] = "zh",
    actions: Annotated[
        bool, typer.Option("--actions", help="怎样降级：列出最少的措施及重新计算的结果")
    ] = False,
    goal: Annotated[str | None, typer.Option(help="与 --actions 同用，目标等级：orange yellow blue")] = None,
    of: Annotated[str, typer.Option(help="与 --actions 同用：level base_level rise_level")] = "level",
    committee: theme_commands.Committee = None,
    industry: theme_commands.Industry = None,
    hazard: theme_commands.Hazard = None,
    source_kind: theme_commands.SourceKind = None,
    period: theme_commands.Period = None,
    json: Json = False,
) -> None:
    """说明一个分值由哪些记录构成，各占多少，依据哪一条；可只看一个专题；--actions 说明怎样降级。"""
    from jobs.explain import explain as explain_record
    from web.remedy_commands import print_actions

    theme = Theme(committee, industry, hazard, source_kind, period)
    if actions:
        if theme.narrow:
            raise typer.BadParameter("--actions 针对整个分值，不能与专题筛选同用")
        print_actions(_settings(context), kind, code, as_of=as_of, lang=lang, goal=goal, of=of, json=json)
        return
    if goal or of != "level":
        raise typer.BadParameter("--goal 和 --of 须与 --actions 同用")
    if kind == "zone":
        zone_commands.print_account(_settings(context), code, as_of=as_of, lang=lang, json=json)
        return
    if kind == "alert":
        alert_commands.print_explained(_settings(context), code, as_of=as_of, lang=lang, json=json)
        return
    with opened(_settings(context)) as city, progress(quiet=json) as bar:
        answer = explain_record(
            city.owner, city.reader, CITY, kind, code, as_of=as_of, theme=theme, lang=lang, progress=bar
        )
    if json:
        print_json(answer)
        return
    if theme.narrow:
        say(f"{answer['name']} {code}：所选专题占 {answer['part']} 分，总分 {answer['score']} 分")
        print_table("所选专题的构成", answer["contributions"], _LINE)
        return
    say(
        f"{answer['name']} {code}：当前 {answer['score']} 分，其中固有风险 {answer['base_score']} 分，"
        f"动态上升 {answer['rise']} 分"
    )
    print_table("构成", answer["contributions"], _LINE)


_LINE = {"value": "分", "label": "项目", "reason": "说明", "record": "记录"}


@app.command()
def openapi() -> None:
    """输出 OpenAPI 文档。"""
    from web.app import create_app

    sys.stdout.write(json_text.dumps(create_app(Settings(), None).openapi(), ensure_ascii=False) + "\n")


def _settings(context: typer.Context, port: int | None = None) -> Settings:
    settings = settings_of(context)
    return settings.model_copy(update={"port": port}) if port else settings
