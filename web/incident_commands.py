"""The command `incident`: an imagined accident from a JSON file, told as tables or as one document."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from layers.database import CITY
from riskmap.errors import BadInput, NotFound
from web.console import print_json, print_table, say
from web.opening import Json, opened, settings_of
from web.texts import LANGUAGES, word

if TYPE_CHECKING:
    from web.incident import Imagined

_SHOWN = 30


def incident(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="情景 .json：位置或危险源、物质、数量、风")],
    lang: Annotated[str, typer.Option(help="zh en")] = "zh",
    json: Json = False,
) -> None:
    """假设事故推演：影响范围、当前时段人数、防护目标、救援资源和联系人；不写入任何数据。"""
    from jobs.incident import what_if

    if lang not in LANGUAGES:
        raise typer.BadParameter(f"没有语言 {lang}，可用：{' '.join(LANGUAGES)}")
    scenario = _scenario(file)
    with opened(settings_of(context)) as city:
        answer = what_if(city.reader, CITY, scenario.asked(), lang=lang)
    if json:
        print_json(answer)
    else:
        _tell(answer, lang)


def _scenario(file: Path) -> "Imagined":
    """The scenario of a file; NotFound without one, BadInput for what is no scenario, naming the first wrong field."""
    from web.incident import Imagined

    try:
        content = file.read_bytes()
    except OSError:
        raise NotFound(f"读不到文件 {file.name}", remedy="请检查路径") from None
    try:
        return Imagined.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise BadInput(
            f"{file.name} 字段 {field}：{first['msg']}", remedy="请按 README 中的例子改正该字段"
        ) from None


def _tell(answer: dict[str, Any], lang: str) -> None:
    say(f"{answer['screening_note']}（{answer['scenario']['time']}）")
    rings = [one | {"told_m": _reach(one)} for one in answer["rings"]]
    columns = {
        "label": "范围",
        "told_m": "半径（米）",
        "people": "人数",
        "targets": "防护目标",
        "basis": "方法",
    }
    print_table("影响范围", rings, columns)
    say(f"范围内合计 {'—' if answer['people'] is None else answer['people']} 人")
    print_table("网格", answer["grids"][:_SHOWN], {"name": "网格", "village": "村（社区）", "people": "人数"})
    near = {"name": "名称", "distance_m": "距离（米）", "people_day": "日间", "people_night": "夜间"}
    print_table("防护目标（由近及远）", answer["targets"][:_SHOWN], near)
    resources = [one | {"kind": word(lang, "resource_kind", one["kind"])} for one in answer["resources"]]
    resource = {"kind": "类别", "name": "名称", "distance_m": "距离（米）", "phone": "电话"}
    print_table(f"救援资源（{answer['resources_note']}）", resources, resource)
    calls = [
        {**one, "role": word(lang, "duty_role", one["role"]), "of": one["objects"][0]["name"]}
        for one in answer["calls"][:_SHOWN]
    ]
    member = {"zone_code": "片区", "name": "名称", "distance_m": "距离（米）"}
    print_table("联防联控片区成员", answer["zone_members"][:_SHOWN], member)
    print_table("联系人", calls, {"of": "对象", "role": "职责", "person": "姓名", "phone": "电话"})
    for note in (*answer["notes"], answer["zone_members_note"]):
        say(f"注意：{note}")


def _reach(one: dict[str, Any]) -> Any:
    if one["radius_m"] is not None:
        return one["radius_m"]
    return f"≥ {one['at_least_m']:g}；{one['why']}" if one["at_least_m"] else one["why"] or "—"
