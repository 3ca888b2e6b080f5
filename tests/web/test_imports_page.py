"""The import page as people use it: drop, preview, confirm, undo, in a browser that may talk to this program only."""

import base64
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.browser import DESK, PHONE, Looking, looking
from tests.served import Served

pytestmark = [pytest.mark.browser]
HEADER = "备注,统一社会信用代码,企业名称,行业代码,属地镇街编码,lon,lat"
SCREEN = {"width": 1280, "height": 800}

_DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    document.getElementById("drop").dispatchEvent(new DragEvent(type, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""


def firms(count: int, start: int = 0, **also: Any) -> list[str]:
    return [
        f"x,F{n:04},示例企业{n}号,26,430981006,{112.31 + n % 20 * 0.003:.4f},{28.81 + n // 20 * 0.004:.4f}"
        for n in range(start, start + count)
    ]


def mixed() -> str:
    """New, changed and faulty rows."""
    rows = [HEADER, "x,ours-firm,改名的企业,26,430981114,112.318,28.816", *firms(120)]
    rows += [
        "x,BAD1,坏坐标,26,,东经112度,28.8",
        "x,,没有代码,26,,112.33,28.83",
        "x,F0003,重复代码,26,,112.33,28.83",
    ]
    return "\n".join(rows) + "\n"


def drop(person: Looking, name: str, content: str) -> None:
    person.page.evaluate(_DROP, [name, base64.b64encode(content.encode()).decode()])


def choose(person: Looking, name: str, content: str) -> None:
    person.page.set_input_files("#file", FilePayload(name=name, mimeType="text/csv", buffer=content.encode()))


def narrow_enough(person: Looking) -> None:
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["desktop", "phone"])
def test_drop_preview_confirm_undo(chromium: Browser, own_site: Served, size: dict[str, int]) -> None:
    word = "phone" if size == PHONE else "desktop"
    with looking(chromium, own_site, "city", size, first="/imports") as person:
        page = person.page
        expect(page.locator("#recent .empty")).to_be_visible()
        person.picture(f"imports-{word}-1-empty")
        drop(person, "企业名单.csv", mixed())
        report = page.locator("#report")
        expect(report.locator(".counts .new b")).to_have_text("120")
        expect(report.locator(".counts .changed b")).to_have_text("1")
        expect(report.locator(".counts .rejected b")).to_have_text("3")
        expect(page.locator("select[name=layer]")).to_have_value("enterprises")
        expect(report).to_contain_text("坐标不是数字")
        expect(report).to_contain_text("ours firm")
        expect(report).to_contain_text("改名的企业")
        expect(page.locator("select[data-header='备注']")).to_have_value("")
        expect(page.locator("select[data-header='企业名称']")).to_have_value("name")
        expect(page.locator("#confirm")).to_be_disabled()
        narrow_enough(person)
        page.wait_for_load_state("networkidle")
        person.picture(f"imports-{word}-2-preview")
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "企业名单-rejected.xlsx"
        page.check("#partial")
        page.click("#confirm")
        expect(page.locator("#done")).to_contain_text("新增 120，更新 1，未变 0，拒绝 3")
        expect(page.locator("[data-undo]")).to_have_count(1)
        narrow_enough(person)
        person.picture(f"imports-{word}-3-done")
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("#undo")
        expect(page.locator("#undo-problem")).to_contain_text("撤回新增 120 条，恢复原值 1 条")
        expect(page.locator("#recent")).to_contain_text("已由修订")
        person.picture(f"imports-{word}-4-undone")
        held = person.ask("/api/v1/enterprises?geometry=false")["items"]
        assert {one["name"] for one in held} == {"ours firm", "theirs firm"}


def test_a_question_is_answered_by_a_click(chromium: Browser, own_site: Served) -> None:
    swapped = [f"x,S{n},对调企业{n},26,,28.8{n + 10},112.3{n + 10}" for n in range(30)]
    with looking(chromium, own_site, "city", DESK, first="/imports") as person:
        page = person.page
        choose(person, "企业.csv", "\n".join([HEADER, *swapped]))
        expect(page.locator(".asked")).to_contain_text("填反了吗")
        expect(page.locator("#confirm")).to_be_disabled()
        page.wait_for_load_state("networkidle")
        person.picture("imports-desktop-5-question")
        page.click("[data-question=swapped]")
        expect(page.locator(".counts .new b")).to_have_text("30")
        expect(page.locator(".asked")).to_have_count(0)
        expect(page.locator("#confirm")).to_be_enabled()
        page.select_option("select[data-header='行业代码']", "")
        expect(page.locator("tr.ignored")).to_have_count(2)
        expect(page.locator("#confirm")).to_be_enabled()


def test_refusals_stand_where_one_looks(chromium: Browser, own_site: Served) -> None:
    with looking(chromium, own_site, "city", PHONE, first="/imports?lang=en") as person:
        page = person.page
        choose(person, "odd.csv", "alpha,beta\n1,2\n")
        expect(page.locator("#problem")).to_contain_text("看不出这个文件是哪个图层的")
        expect(page.locator("#problem")).to_contain_text("请选择图层")
        page.select_option("select[name=layer]", "enterprises")
        expect(page.locator("#problem")).to_contain_text("必填列")
        narrow_enough(person)
        person.picture("imports-phone-6-refused")
        page.on("dialog", lambda dialog: dialog.accept())
        for name in ("甲", "乙"):
            choose(person, "e.csv", f"{HEADER}\nx,N1,{name},26,,112.31,28.81\n")
            expect(page.locator("#confirm")).to_be_enabled()
            page.click("#confirm")
            expect(page.locator("#done")).to_be_visible()
        expect(page.locator("[data-undo]")).to_have_count(2)
        person.errors.clear()
        page.locator("[data-undo]").nth(1).click()
        expect(page.locator("#undo-problem")).to_contain_text("changed since")
        person.picture("imports-phone-7-conflict")
        person.errors = [one for one in person.errors if "409" not in one]  # the browser notes every refusal
