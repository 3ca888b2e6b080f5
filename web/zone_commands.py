"""`riskmap zones`: joint-control zones made anew and listed, or what zones other distances would make."""

from typing import Annotated, Any

import typer

from layers.database import CITY, reading
from layers.history import moment
from layers.zone_ended import zone_or_last
from layers.zones import zone_list
from riskmap.errors import NotFound
from riskmap.settings import Settings
from web.console import print_json, print_table, progress, say
from web.opening import Json, Opened, opened, settings_of

_LISTED = ("id", "members", "townships", "kinds", "level", "born_run", "lineage")
_SHOWN = {
    "id": "片区",
    "name": "名称",
    "level": "当前风险",
    "member_count": "成员数",
    "kinds": "联系",
    "lead_name": "建议牵头单位",
    "agreement": "协议",
}
_IMAGINED = {"id": "片区", "level": "当前风险", "members": "成员", "kinds": "联系"}
_MAY_TAKE_S = 900.0
"""a trial that takes longer is given up; it holds no lock, but a snapshot of the database"""
_PRINTED, _NAMED = 200, 8
_LINE = {"value": "分", "label": "项目", "reason": "说明", "record": "记录"}


def zones(
    context: typer.Context,
    imagine: Annotated[bool, typer.Option("--what-if", help="只计算，不写入")] = False,
    distance: Annotated[float | None, typer.Option(help="与 --what-if 同用：距离（米）")] = None,
    kinds: Annotated[
        str | None, typer.Option(help="与 --what-if 同用：adjacent,domino,similar 中的几种")
    ] = None,
    unbounded: Annotated[bool, typer.Option("--unbounded", help="与 --what-if 同用：不限规模")] = False,
    full: Annotated[bool, typer.Option("--full", help="全部重算，不只算变化所及")] = False,
    json: Json = False,
) -> None:
    """划定联防联控片区并列出；--what-if 只看换一个距离会怎样。"""
    if imagine:
        if distance is None:
            raise typer.BadParameter("--what-if 须给出 --distance")
        _imagine(settings_of(context), distance, kinds or "adjacent,domino,similar", unbounded, json=json)
        return
    if distance is not None or kinds or unbounded:
        raise typer.BadParameter("--distance、--kinds 和 --unbounded 须与 --what-if 同用")
    from jobs.zones import renew

    with opened(settings_of(context)) as city, progress(quiet=json) as bar:
        run = renew(city.owner, actor="cli", full=full, progress=bar)
        with reading(city.reader, CITY) as connection:
            rows = zone_list(connection).items
    if json:
        print_json([{name: row[name] for name in _LISTED} for row in rows])
        return
    counts = run["counts"]
    say(f"第 {run['run_id']} 次划定，{run['duration_s']:.1f} 秒，规则版本 {run['edition']}")
    print_table("联防联控片区", rows, _SHOWN)
    say(f"片区 {counts['zones']} 个，成员 {counts['members']} 家，因超出规模切断的联系 {counts['cut']} 条")


def _imagine(settings: Settings, distance: float, kinds: str, unbounded: bool, *, json: bool) -> None:
    from jobs.zone_what_if import what_if

    with opened(settings) as city, progress(quiet=json) as bar:
        found = what_if(
            *(city.owner, distance, kinds.split(",")),
            unbounded=unbounded,
            within_s=_MAY_TAKE_S,
            progress=bar,
        )
    if json:
        print_json(found)
        return
    told = [one | {"members": _some(one["members"])} for one in found[:_PRINTED]]
    print_table(f"距离 {distance:g} 米时的片区（未写入）", told, _IMAGINED)
    members = sum(len(one["members"]) for one in found)
    say(
        f"共 {len(found)} 个片区、{members} 家成员"
        + (f"，列出前 {_PRINTED} 个" if len(found) > _PRINTED else "")
    )


def _some(members: list[str]) -> str:
    """The first members and how many there are."""
    return "、".join(members[:_NAMED]) + (f" 等 {len(members)} 家" if len(members) > _NAMED else "")


def shown(city: Opened, codes: list[str], as_of: str | None) -> list[dict[str, Any]]:
    """What `show zone` tells: all zones, or some with everything, now or as a day of the past left them; those that have
    ended as they were just before."""
    from web.zone_words import end_told

    with reading(city.reader, CITY) as connection:
        then = moment(connection, as_of) if as_of else None
        if not codes:
            return zone_list(connection, then=then).items
        found = {code: zone_or_last(connection, code, then) for code in codes}
    if missing := [code for code, told in found.items() if told is None]:
        raise NotFound(f"没有片区 {'、'.join(missing)}", remedy="用 riskmap show zone 查看全部编号")
    return [
        told.zone | {"ended": told.end and end_told(told.end, told.zone["lineage"])}
        for told in found.values()
        if told
    ]


def print_account(settings: Settings, code: str, *, as_of: str | None, lang: str, json: bool) -> None:
    """What `explain zone` tells."""
    from jobs.zone_explain import explain_zone

    with opened(settings) as city:
        answer = explain_zone(city.owner, city.reader, CITY, code, as_of=as_of, lang=lang)
    if json:
        print_json(answer)
        return
    say(f"{answer['name']} {code}：当前 {answer['score']} 分，其中固有风险 {answer['base_score']} 分")
    print_table("构成", answer["contributions"], _LINE)
