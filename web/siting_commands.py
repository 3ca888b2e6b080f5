"""The command `siting`: a proposal from a JSON file, judged, searched for or filed, told as tables or as one document."""

from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from layers.database import CITY
from riskmap.errors import BadInput, NotFound
from riskmap.vocabulary import words as named
from web.console import print_json, print_table, progress, say
from web.opening import Json, Opened, opened, settings_of
from web.texts import LANGUAGES

_SHOWN = 30
_WHAT = ("search", "paper", "batch")
_RELOCATION = "relocation"
_REPORTS = (".pdf", ".html")
_AS_BEFORE = {"people_unknown": False, "reach_m": None}
"""what the effects of earlier papers do not tell"""
_KEPT = {"rule": "规则", "measured": "实测（米）", "limit": "限值（米）", "near": "对象"}


def siting(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[search|paper|batch] FILE.json|NUMBER|IN OUT.xlsx | relocation",
            help="拟建项目；search 全域搜索；paper 按编号重印意见书；batch 逐行审查一个文件；relocation 搬迁建议清单",
        ),
    ],
    lang: Annotated[str, typer.Option(help="zh en")] = "zh",
    effects: Annotated[bool, typer.Option("--effects", help="同时对比建成前后")] = False,
    report: Annotated[
        Path | None, typer.Option(help="出具意见书并写入 .pdf 或 .html；归档并取得编号")
    ] = None,
    by: Annotated[str, typer.Option(help="意见书的出具人")] = CITY.name,
    csv: Annotated[Path | None, typer.Option(help="搬迁建议清单另存为 CSV")] = None,
    most: Annotated[int, typer.Option(help="搜索时每个列表最多几个单元", min=1, max=1000)] = 200,
    crs: Annotated[str | None, typer.Option(help="batch：wgs84 cgcs2000 gcj02 bd09 EPSG:n")] = None,
    mapping: Annotated[Path | None, typer.Option(help="batch：字段对应文件 .toml")] = None,
    sheet: Annotated[str | None, typer.Option(help="batch：工作表，或 GeoPackage 的图层")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="batch：有错的行不算失败")] = False,
    json: Json = False,
) -> None:
    """选址准入审查：逐条规则给出结论、实测距离、限值和依据；或全域搜索可选位置。只有 --report 会写入：意见书归档。"""
    if words == [_RELOCATION]:
        _relocation(context, csv, lang, json=json)
        return
    what = words[0] if words[0] in _WHAT and len(words) > 1 else ""
    if len(words) != 1 + bool(what) + (what == "batch"):
        raise typer.BadParameter(
            "写成 siting FILE.json、siting search FILE.json、siting paper NUMBER、siting batch IN OUT.xlsx 或 siting relocation"
        )
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"没有语言 {lang}，可用：{' '.join(LANGUAGES)}")
    with opened(settings_of(context)) as city:
        if what == "batch":
            reading = {"crs": crs, "mapping": mapping, "sheet": sheet}
            answer = _batch(city, Path(words[1]), Path(words[2]), lang, reading, quiet=json)
        elif what == "search":
            answer = _searched(city, words[-1], lang, most)
        elif what == "paper" or report is not None:
            answer = _paper(city, words[-1], report, lang, by, again=what == "paper")
        else:
            answer = _judged(city, words[-1], lang, effects=effects)
    if json:
        print_json(answer)
    else:
        {"search": _tell_search, "batch": _tell_batch}.get(what, _tell)(answer)
    if what == "batch" and answer["rejected"] and not partial:
        raise typer.Exit(1)


def _relocation(context: typer.Context, csv: Path | None, lang: str, *, json: bool) -> None:
    """The relocation list, as a table, a document, or a file besides."""
    from jobs.siting_relocation import relocations
    from layers.database import reading
    from layers.status import township_names
    from web.siting_relocation import as_csv

    with opened(settings_of(context)) as city:
        answer = relocations(city.owner, CITY)
        with reading(city.reader, CITY) as connection:
            names = township_names(connection)
    if csv is not None:
        csv.write_bytes(as_csv(answer, names, lang))
    if json:
        print_json(answer)
        return
    columns = {
        "rank": "名次",
        "code": "编码",
        "name": "危险源",
        "risk_removed": "减少的风险（人·分）",
        "people": "周边人口",
        "density_per_km2": "人/平方公里",
        "targets": "防护目标",
    }
    print_table("人口密集区域的危险化学品", answer["items"], columns)
    say(
        f"核对 {answer['looked_at']} 个；阈值 {answer['dense_per_km2']} 人/平方公里（{answer['editions']['relocation']}，建议值）"
    )


def _judged(city: Opened, file: str, lang: str, *, effects: bool) -> dict[str, Any]:
    from jobs.siting import verdict_on
    from jobs.siting_effects import effects_of

    given = proposal_of(Path(file))
    answer = verdict_on(city.reader, CITY, given, lang=lang)
    if effects:
        answer["effects"] = effects_of(city.owner, CITY, given, lang=lang)
    return answer


def _searched(city: Opened, file: str, lang: str, most: int) -> dict[str, Any]:
    from jobs.siting_search import search

    return search(city.reader, CITY, proposal_of(Path(file)), lang=lang, most=most)


def _batch(
    city: Opened, file: Path, out: Path, lang: str, reading: dict[str, Any], *, quiet: bool
) -> dict[str, Any]:
    from jobs.siting_batch import Batch

    if out.suffix.lower() != ".xlsx":
        raise BadInput(f"结论不能写入 {out.name}", remedy="请以 .xlsx 结尾")
    batch = Batch(city.reader, CITY, lang=lang)
    with progress(quiet=quiet) as bar:
        for share in batch.judge(file, **reading):
            bar("审查", share)
    batch.write(out)
    return batch.report()


def _tell_batch(report: dict[str, Any]) -> None:
    told = named("zh")["siting_outcome"]
    say(f"{report['rows_read']} 行，审查 {report['judged']} 个项目")
    for word, number in report["verdicts"].items():
        say(f"{told[word]}：{number}")
    columns = {"row": "行", "name": "项目", "verdict_text": "结论", "clause": "决定性依据", "object": "对象"}
    print_table("结论", report["items"][:_SHOWN], columns)
    columns = {"row": "行", "field": "字段", "value": "值", "reason": "原因", "remedy": "改法"}
    print_table("未审查的行", report["rejected"][:_SHOWN], columns)
    for note in report["notes"]:
        say(f"注意：{note}")


def _paper(
    city: Opened, named: str, report: Path | None, lang: str, by: str, *, again: bool
) -> dict[str, Any]:
    """File an opinion, or find one that is filed, and write its paper; its verdict as it stands in the paper."""
    from jobs.siting_papers import file_paper
    from layers.database import Identity, reading
    from layers.siting_papers import paper_named
    from web.siting_papers import document
    from web.siting_sheet import pdf_of

    kind = report.suffix.lower() if report else ""
    if report is not None and (kind not in _REPORTS or not report.absolute().parent.is_dir()):
        raise BadInput(f"意见书不能写入 {report.name}", remedy="请以 .pdf 或 .html 结尾，并写入已有的文件夹")
    number = named
    if not again:
        proposal = proposal_of(Path(named))
        number = file_paper(city.owner, Identity(by, CITY.role), proposal)["archive_number"]
    with reading(city.reader, CITY) as connection:
        paper = paper_named(connection, number)
    if report is not None:
        written = document(paper, lang)
        report.write_bytes(pdf_of(written) if kind == ".pdf" else written.encode())
    content = loads(paper["data"])
    told = {
        name: paper[name]
        for name in ("number", "version", "replaces", "replaced_by", "sha256", "valid_until")
    }
    return {**content["verdict"], "effects": _AS_BEFORE | content["effects"], "paper": told}


def proposal_of(file: Path) -> Any:
    """What a file proposes. NotFound without the file, BadInput for what is no JSON."""
    from web.siting import document

    try:
        return document(file.read_bytes())
    except OSError:
        raise NotFound(f"读不到文件 {file.name}", remedy="请检查路径") from None


def _tell(answer: dict[str, Any]) -> None:
    if "paper" in answer:
        paper = answer["paper"]
        say(
            f"意见书 {paper['number']}（第 {paper['version']} 版，有效期至 {paper['valid_until']}）SHA-256 {paper['sha256']}"
        )
    say(f"结论：{answer['verdict_text']}（{answer['data']['time']}，规则 {answer['editions']['edition']}）")
    kept = [one | {"near": _named(one)} for one in answer["rules"] if one["outcome"] == "admissible"]
    for one in answer["rules"]:
        if one["outcome"] != "admissible":
            say(
                f"【{one['outcome_text']}】{one['rule']}：{one['why']}。{_figures(one)}依据 {one['clause_text'] or '—'}"
            )
    print_table("满足的规则", kept, _KEPT)
    if "effects" in answer:
        _tell_effects(answer["effects"])
    say(f"注意：{answer['note']}")


def _tell_effects(effects: dict[str, Any]) -> None:
    """What would be otherwise if it stood there."""
    say(f"新增暴露 {effects['people_exposed']:g} 人（{effects['places_exposed']} 处）")
    if effects["people_unknown"]:
        say("拟建人数未填写，按 0 人计算，实际影响更大")
    if effects["reach_m"] is not None:
        say(f"自身后果距离 {effects['reach_m']:g} 米以内有防护目标 {effects['targets_reached']} 个")
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
        | {
            "how": "新形成" if one["formed"] else "撤销" if one["ended"] else "变化",
            "names": "、".join(m["name"] or m["code"] for m in one["joined"]),
        }
        for one in effects["zones"]
    ]
    columns = {"id": "片区", "name": "名称", "how": "变化", "members": "成员数", "names": "加入"}
    columns |= {"level": "现等级", "level_after": "建成后等级"}
    print_table("形成、变化或变色的联防联控片区", zones, columns)
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


def _called(one: dict[str, Any]) -> str:
    """What a place of the search is called, where areas have outlines."""
    return one["place"]["text"] if one["place"] else "—"


def _tell_search(answer: dict[str, Any]) -> None:
    say(f"{answer['cells']} 个单元（{answer['cell_m']} 米），用时 {answer['duration_s']} 秒")
    for word, number in answer["counts"].items():
        say(f"{named('zh')['siting_outcome'][word]}：{number}")
    for rule in answer["everywhere"]:
        say(f"处处受限于 {rule}，以下按其余规则排序")
    columns = {
        "rank": "名次",
        "place": "位置",
        "lon": "经度",
        "lat": "纬度",
        "people_500m": "500米内人口",
        "spare_m": "余量（米）",
    }
    for word in ("admissible", "study_required"):
        rows = [one | one["criteria"] | {"place": _called(one)} for one in answer[word][:_SHOWN]]
        print_table(named("zh")["siting_outcome"][word], rows, columns)
    refused = [{"rule": rule, "cells": number} for rule, number in answer["refused"].items()]
    print_table("不予准入的单元，按决定性规则", refused, {"rule": "规则", "cells": "单元数"})
    if answer["least"]:
        least = answer["least"]
        say(f"没有可选位置；相差最少处 {_called(least)}（{least['lon']}, {least['lat']}）：{least['rule']}")
        say(f"如何才可能成立：{least['turns']}")
    say(f"注意：{answer['note']}")
