"""The command `siting`: a proposal from a JSON file, told as tables or as one document."""

from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY
from riskmap.errors import NotFound
from web.console import print_json, print_table, say
from web.opening import Json, opened, settings_of
from web.siting import document
from web.texts import LANGUAGES

_KEPT = {"rule": "规则", "measured": "实测（米）", "limit": "限值（米）", "near": "对象"}


def siting(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="拟建项目 .json：类别、位置、存量或户数")],
    lang: Annotated[str, typer.Option(help="zh en")] = "zh",
    json: Json = False,
) -> None:
    """选址准入审查：逐条规则给出结论、实测距离、限值和依据；不写入任何数据。"""
    from jobs.siting import verdict_on

    given = proposal_of(file, lang)
    with opened(settings_of(context)) as city:
        answer = verdict_on(city.reader, CITY, given, lang=lang)
    if json:
        print_json(answer)
    else:
        _tell(answer)


def proposal_of(file: Path, lang: str) -> Any:
    """What a file proposes. NotFound without the file, BadInput for what is no JSON."""
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
    say(f"注意：{answer['note']}")


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
