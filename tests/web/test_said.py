"""Errors in English: every sentence that a page or the interface can tell has one, and the reader's language decides."""

import ast
import re
from pathlib import Path

import pytest

from riskmap import errors
from tests.served import Served
from web.said import _catalogue, said

ROOT = Path(__file__).resolve().parents[2]
NOT_YET = re.compile(
    r"_commands\.py|web/(cli|commands|console|opening|serving|assets|channel_\w+)\.py"  # the command line speaks Chinese
    r"|jobs/(doctor|setup|demo\w*|drop|channels|backtests?|replay|merging)\.py"
    r"|layers/(cluster\w*|migrate|versions|city)\.py"
    # files that somebody brings: what reads them, and rows that are refused
    r"|layers/(archives|geojson|workbook|features|sheets|shapefile|spatial|kinds|delimited|parquet|apart|header\w*"
    r"|handover|outgoing|writing|cap_text|pieces|files|mapping|crs|marks)\.py"
    # tables of an edition, read where it is drafted
    r"|riskmap/(editions|edition_files|in_force|settings|sections|sources|substances|gb18218|densities|weights|dynamic"
    r"|consequence_tables|zone_rules|alert_rules|siting_rules|siting_matrix|channel_settings)\.py"
)
"""where nothing has been put into English yet"""
_TOLD = {
    name
    for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, errors.RiskMapError)
}
_TOLD |= {"NotAllowed", "_wrong"}


def template(node: ast.expr) -> str | None:
    """A sentence as the catalogue has it; None where it is put together elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return None


def sentences() -> dict[str, str]:
    """Every sentence of an error, and a file that tells it."""
    found: dict[str, str] = {}
    for floor in ("web", "jobs", "layers", "riskmap"):
        for path in sorted((ROOT / floor).glob("*.py")):
            name = f"{floor}/{path.name}"
            if NOT_YET.search(name):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if called in _TOLD:
                    told = [*node.args, *(one.value for one in node.keywords if one.arg == "remedy")]
                    found |= {one: name for one in map(template, told) if one}
    return found


def test_every_sentence_has_its_english() -> None:
    lacking = {
        told: where
        for told, where in sentences().items()
        if re.search("[一-鿿]", told) and re.search("[一-鿿]", said("en", told.replace("{}", "x1")))
    }
    assert not lacking, "add them to web/texts/errors.toml"


def test_the_catalogue_says_nothing_that_nobody_says() -> None:
    source = "\n".join(
        path.read_text("utf-8")
        for floor in ("web", "jobs", "layers", "riskmap")
        for path in (ROOT / floor).glob("*.py")
    )
    whole, patterns = _catalogue()
    assert len(whole) > 400
    for pattern, english in patterns:
        parts = [part for part in re.sub(r"\\(.)", r"\1", pattern.pattern).split("(.*?)") if part]
        assert all(part in source for part in parts), english


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("没有图层“roads”", "There is no layer “roads”"),
        ("可用：source、enterprise", "Possible: source, enterprise"),
        ("没有编码为 430981 的镇街", "There is no township with the code 430981"),
        (
            "静默字段 until：须晚于开始，且最长 24 小时",
            "Field until of the silence: must be after the beginning, by 24 hours at most",
        ),
        ("拟建项目字段 uses 第 1 项kind：为空", "Field uses 第 1 项kind of the proposal: empty"),
        ("从没有人说过这句话", "从没有人说过这句话"),
    ],
)
def test_what_is_filled_in_stays(chinese: str, english: str) -> None:
    assert said("en", chinese) == english
    assert said("zh", chinese) == chinese


def test_the_reader_decides(demo_site: Served) -> None:
    program, page = demo_site.program("city"), demo_site.browser("city").client
    chinese = program.get("/api/v1/sources/none-such").json()
    english = program.get("/api/v1/sources/none-such", headers={"accept-language": "en-GB,en"}).json()
    assert (chinese["title"], english["title"]) == ("未找到", "Not found")
    assert english["detail"] == "There is no source none-such" or not re.search(
        "[一-鿿]", english["detail"] + english["remedy"]
    )
    assert chinese["detail"] != english["detail"]
    assert program.get("/api/v1/sources/none-such?lang=en").json() == english
    browser = {"accept-language": "en-GB,en", "accept": "text/html"}
    assert "没有" in page.get("/explain/source/none-such", headers=browser).text, (
        "pages go by their own switch"
    )
    told = page.get("/explain/source/none-such?lang=en", headers=browser).text
    assert not re.search("没有|请", told)
