"""The command about runs that were made: doing one again."""

from typing import Annotated, Any

import typer

from web.console import print_json, print_table, progress, say
from web.opening import Json, opened, settings_of

_ROWS_SHOWN = 200
_ANSWERS = {
    "equal": "相同：按当时所知的记录和规则重算，结果的散列一致",
    "differs": "不同：同一版本的程序重算，结果的散列不一致",
    "other_release": "不可比：由程序的另一版本（{code_version}）算出，只保证同一版本内重算一致；本版本（{release}）的结果不同",
    "edition_changed": "未重算：规则版本 {edition} 的内容已与当时不同",
}
_FAULTS = ("differs", "edition_changed")


def replay(
    context: typer.Context,
    run_id: Annotated[
        int, typer.Argument(min=1, help="计算的编号，见 riskmap assess 的输出或 GET /api/v1/runs")
    ],
    json: Json = False,
) -> None:
    """重放一次计算：只用它当时所知的记录和规则重算，核对散列；不写入任何数据。"""
    from jobs.replay import replay as replay_run

    with opened(settings_of(context)) as city, progress(quiet=json) as bar:
        answer = replay_run(city.owner, run_id, progress=bar)
    if json:
        print_json(answer)
    else:
        _print(answer)
    if answer["answer"] in _FAULTS:
        raise typer.Exit(1)


def _print(answer: dict[str, Any]) -> None:
    about = "现状" if answer["current"] else "回算"
    extent = "全部" if answer["full"] else "只算变化"
    say(
        f"第 {answer['run_id']} 次计算（{about}，{extent}，数据时间 {answer['data_time']}，规则版本 {answer['edition']}）"
    )
    say(_ANSWERS[answer["answer"]].format(**answer))
    say(f"  登记的散列：{answer['result_hash']}")
    if answer["replayed_hash"]:
        say(f"  重算的散列：{answer['replayed_hash']}")
    differences = answer["differences"]
    if differences is None and answer["answer"] != "edition_changed":
        say("  回算不留存各项结果，无法逐项比较")
    elif differences:
        columns = {"kind": "类别", "code": "编码", "was": "当时", "now": "重算"}
        print_table("不同之处", differences[:_ROWS_SHOWN], columns)
