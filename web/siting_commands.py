"""The command `siting`: a proposal from a JSON file, judged or searched for, told as tables or as one document."""

from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY
from riskmap.errors import NotFound
from riskmap.vocabulary import words as named
from web.console import print_json, print_table, say
from web.opening import Json, opened, settings_of
from web.texts import LANGUAGES

_SHOWN = 30
_KEPT = {"rule": "规则", "measured": "实测（米）", "limit": "限值（米）", "near": "对象"}


def siting(
    context: typer.Context,
    words: Annotated[
        list[str], typer.Argument(metavar="[search] FILE.json", help="拟建项目；search 则全域搜索可选位置")
    ],
    lang: Annotated[str, typer.Option(help="zh en")] = "zh",
    effects: Annotated[bool, typer.Option("--effects", help="同时对比建成前后")] = False,
    most: Annotated[int, typer.Option(help="搜索时每个列表最多几个单元", min=1, max=1000)] = 200,
    json: Json = False,
) -> None:
    """选址准入审查：逐条规则给出结论、实测距离、限值和依据；或全域搜索可选位置。不写入任何数据。"""
    from jobs.siting import verdict_on
    from jobs.siting_effects import effects_of
    from jobs.siting_search import search

    searching = words[0] == "search" and len(words) > 1
    if len(words) != 1 + searching:
        raise typer.BadParameter("写成 siting FILE.json 或 siting search FILE.json")
    given = proposal_of(Path(words[-1]), lang)
    with opened(settings_of(context)) as city:
        found = search(city.reader, CITY, given, lang=lang, most=most) if searching else None
        answer = found or verdict_on(city.reader, CITY, given, lang=lang)
        if effects and not searching:
            answer["effects"] = effects_of(city.owner, CITY, given, lang=lang)
    if json:
        print_json(answer)
    elif searching:
        _tell_search(answer)
    else:
        _tell(answer)


def proposal_of(file: Path, lang: str) -> Any:
    """What a file proposes. NotFound without the file, BadInput for what is no JSON."""
    from web.siting import document

    if lang not in LANGUAGES:
        raise typer.BadParameter(f"没有语言 {lang}，可用：{' '.join(LANGUAGES)}")
    try:
        return document(file.read_bytes())
    except OSError:
        raise NotFound(f"读不到文件 {file.name}", remedy="请检查路径") from None


def _tell(answer: dict[str, Any]) -> None:
    say(f"结论：{answer['verdict_text']}（{answer['data']['time']}，规则 {answer['editions']['edition']}）")
    kept = [one | {"near": _named(one)} for one in answer["rules"] if one["outcome"] == "admissible"]
    for one in answer["rules"]:
        if one["outcome"] != "admissible":
            say(
                f"【{one['outcome_text']}】{one['rule']}：{one['why']}。{_figures(one)}依据 {one['clause'] or '—'}"
            )
    print_table("满足的规则", kept, _KEPT)
    if "effects" in answer:
        _tell_effects(answer["effects"])
    say(f"注意：{answer['note']}")


def _tell_effects(effects: dict[str, Any]) -> None:
    """What would be otherwise if it stood there."""
    say(f"新增暴露 {effects['people_exposed']:g} 人（{effects['places_exposed']} 处）")
    columns = {
        "name": "区域",
        "score": "现分值",
        "score_after": "建成后",
        "level": "现等级",
        "level_after": "建成后等级",
    }
    print_table("风险分值变化的区域", effects["areas"][:_SHOWN], columns)
    zones = [
        one
        | {"how": "新形成" if one["formed"] else "变化", "names": "、".join(m["name"] for m in one["joined"])}
        for one in effects["zones"]
    ]
    columns = {"id": "片区", "how": "变化", "members": "成员数", "names": "加入"}
    print_table("形成或变化的联防联控片区", zones, columns)
    say(f"注意：{effects['note']}")


def _figures(one: dict[str, Any]) -> str:
    """What was measured to what, and how much is lacking."""
    if one["measured"] is None:
        return f"对象：{_named(one)}。"
    limit = "不在册" if one["limit"] is None else f"{one['limit']:g} 米"
    return f"距{_named(one)} {one['measured']:g} 米，限值 {limit}。"


def _named(one: dict[str, Any]) -> str:
    near = one["object"]
    name = near["name"] or near["code"] if near else ""
    return name or one.get("object_zh") or "—"


def _tell_search(answer: dict[str, Any]) -> None:
    say(f"{answer['cells']} 个单元（{answer['cell_m']} 米），用时 {answer['duration_s']} 秒")
    for word, number in answer["counts"].items():
        say(f"{named('zh')['siting_outcome'][word]}：{number}")
    for rule in answer["everywhere"]:
        say(f"处处受限于 {rule}，以下按其余规则排序")
    columns = {
        "rank": "名次",
        "lon": "经度",
        "lat": "纬度",
        "people_500m": "500米内人口",
        "spare_m": "余量（米）",
    }
    for word in ("admissible", "study_required"):
        rows = [one | one["criteria"] for one in answer[word][:_SHOWN]]
        print_table(named("zh")["siting_outcome"][word], rows, columns)
    refused = [{"rule": rule, "cells": number} for rule, number in answer["refused"].items()]
    print_table("不予准入的单元，按决定性规则", refused, {"rule": "规则", "cells": "单元数"})
    if answer["least"]:
        say(
            f"没有可选位置；相差最少处 {answer['least']['lon']}, {answer['least']['lat']}：{answer['least']['rule']}"
        )
    say(f"注意：{answer['note']}")
