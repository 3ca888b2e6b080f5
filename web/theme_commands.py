"""`riskmap themes`: the parts of a theme in the scores of a level, on a terminal or as JSON; the options of a theme."""

from typing import Annotated, Any

import typer

from layers.database import CITY
from riskmap.themes import Theme
from riskmap.vocabulary import AREA_KINDS, COMMITTEES
from web.console import print_json, print_table, progress, say
from web.opening import Json, opened, settings_of
from web.texts import LANGUAGES, translate

Committee = Annotated[str | None, typer.Option(help="专业委员会：" + " ".join(COMMITTEES))]
Industry = Annotated[str | None, typer.Option(help="GB/T 4754 行业代码的开头，如 26")]
Hazard = Annotated[
    str | None, typer.Option(help="致险类型：fire explosion toxic traffic crowd drowning collapse")
]
SourceKind = Annotated[str | None, typer.Option("--kind", help="危险源类别，如 hazchem_store")]
Period = Annotated[str | None, typer.Option(help="时段：base 固有，dynamic 动态，或一个特殊时期的事件编号")]
_SHOWN = 40


def themes(
    context: typer.Context,
    level: Annotated[str, typer.Argument(help=" ".join((*AREA_KINDS, "source", "enterprise")))] = "township",
    code: Annotated[str | None, typer.Argument(help="只看这一个")] = None,
    committee: Committee = None,
    industry: Industry = None,
    hazard: Hazard = None,
    source_kind: SourceKind = None,
    period: Period = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="截至某日（2026-01-31）或某时刻")] = None,
    lang: Annotated[str, typer.Option(help="zh en")] = "zh",
    json: Json = False,
) -> None:
    """专题图层：按专委会、行业、致险类型、类别、时段（可任意组合）看各区域分值中这一部分占多少。"""
    from jobs.splits import Splits
    from jobs.themes import themes as parts_of

    if lang not in LANGUAGES:
        raise typer.BadParameter(f"没有语言 {lang}，可用：{' '.join(LANGUAGES)}")
    theme = Theme(committee, industry, hazard, source_kind, period)
    with opened(settings_of(context)) as city, progress(quiet=json) as bar:
        answer = parts_of(
            city.owner, city.reader, CITY, Splits(), level, theme,
            code=code, as_of=as_of, lang=lang, progress=bar,
        )  # fmt: skip
    if json:
        print_json(answer)
    else:
        _print(answer, lang)


def _print(answer: dict[str, Any], lang: str) -> None:
    columns = {name: translate(lang, f"themes.{name}") for name in ("part", "share", "score", "name", "code")}
    rows = [
        one | {"share": None if one["share"] is None else f"{one['share']:.1%}"} for one in answer["items"]
    ]
    print_table(translate(lang, "themes.title"), rows[:_SHOWN], columns)
    if len(rows) > _SHOWN:
        say(translate(lang, "themes.more", n=len(rows), shown=_SHOWN))
    if answer["of"] and answer["of"]["part"]:
        for name, values in {**answer["breakdown"], **answer["overlapping"]}.items():
            title = translate(
                lang, "themes.parts_of", of=answer["of"]["name"], by=translate(lang, f"themes.{name}")
            )
            note = translate(lang, "themes.overlap") if name in answer["overlapping"] else ""
            print_table(f"{title}{note}", values, {"part": columns["part"], "label": columns["name"]})
    say(translate(lang, "themes.additive"))
