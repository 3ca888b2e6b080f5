"""CAP both ways: what we write passes the schema (also by capvalidator), what others write is read or refused with a reason."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import capvalidator
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.cap_reading import read_cap
from layers.cap_rings import covering_rings
from layers.cap_writing import write_cap
from riskmap.cap import Reference, problems
from riskmap.cap_alerts import RESTRICTION, Approval, Outgoing, Wording, compose
from riskmap.errors import BadInput, RiskMapError, TooLarge

SENT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
ZH = Wording(
    "风险提示",
    "示例罐区升为红色",
    "液氯，3 公里内 <约> 1,200 人 & 一所学校",
    "请核实",
    "沅江市琼湖街道",
    "沅江市应急管理局",
)
EN = Wording("risk notice", "A tank farm turned red", "Chlorine", "Please verify", "Qionghu", "Yuanjiang EMB")
RINGS = covering_rings(shapely.box(112.3, 28.8, 112.4, 28.9))
MANY = (*((112 + n / 1000, 28.0) for n in range(100)), (112.0, 28.0))
FIRST = Outgoing(
    "W17", 1, "risk@430981.riskmap", SENT, "Alert", "red", {"zh": ZH, "en": EN}, SENT, SENT + timedelta(hours=6),
    rings=RINGS, geocodes=(("行政区划代码", "430981001"),), contact="000-0000-0000",
)  # fmt: skip


def sample(body: str = "", **changes: str) -> bytes:
    """A message as a weather service sends it; `changes` replace the text of elements."""
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>4309-1</identifier><sender>weather@city</sender>
<sent>2026-03-01T08:00:00+08:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><language>zh-CN</language><category>Met</category><event>暴雨</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Likely</certainty><expires>2026-03-01T14:00:00+08:00</expires>
<headline>暴雨橙色预警</headline><area><areaDesc>沅江市</areaDesc>{body}</area></info></alert>"""
    for name, value in changes.items():
        text = re.sub(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>", text)
    return text.encode()


POLYGON = "<polygon>28.8,112.3 28.8,112.4 28.9,112.4 28.8,112.3</polygon>"


# --- ours ------------------------------------------------------------------------------------------------


def test_what_is_not_approved_is_restricted_a_drill_an_exercise() -> None:
    ours = compose(FIRST)
    assert (ours.scope, ours.restriction, ours.status) == ("Restricted", RESTRICTION, "Actual")
    approval = Approval("沅预〔2026〕1号", "示例负责人", SENT)
    public = compose(replace(FIRST, approval=approval))
    assert (public.scope, public.restriction) == ("Public", "")
    assert ("文号", "沅预〔2026〕1号") in public.infos[0].parameters
    drill = compose(replace(FIRST, approval=approval, drill=True))
    assert (drill.scope, drill.status) == ("Restricted", "Exercise")
    assert "演练" in drill.note
    assert [info.language for info in ours.infos] == ["zh-CN", "en-US"]
    assert ours.infos[0].parameters[0] == ("预警级别", "红色")


@pytest.mark.parametrize("msg_type", ["Alert", "Update", "Cancel"])
@pytest.mark.parametrize("drill", [False, True])
def test_what_we_write_keeps_to_the_schema_and_reads_back_as_it_was(msg_type: str, drill: bool) -> None:
    earlier = () if msg_type == "Alert" else (Reference("risk@430981.riskmap", "W17.1", SENT),)
    alert = compose(replace(FIRST, msg_type=msg_type, drill=drill, earlier=earlier))  # type: ignore[arg-type]
    content = write_cap(alert)
    assert capvalidator.check_schema(content).passed
    assert read_cap("ours", content) == alert
    text = content.decode()
    assert "<sent>2026-03-01T11:00:00+08:00</sent>" in text
    assert re.search(r"<polygon>28\.\d+,112\.\d+ ", text)
    assert ("<references>risk@430981.riskmap,W17.1,2026-03-01T11:00:00+08:00</references>" in text) == bool(
        earlier
    )


def test_a_cancellation_says_that_it_is_over() -> None:
    (zh, _) = compose(replace(FIRST, msg_type="Cancel", earlier=(Reference("a", "b", SENT),))).infos
    assert (zh.urgency, zh.responses) == ("Past", ("AllClear",))


def test_signs_that_xml_cannot_hold_are_left_out() -> None:
    said = {"zh": replace(ZH, description="a\x00b\x0bc\ud800d\ufffee")}
    assert read_cap("x", write_cap(compose(replace(FIRST, wording=said)))).infos[0].description == "abcde"


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"rings": (((112.3, 28.8),) * 5,)}, "polygon"),
        ({"rings": (RINGS[0][:-1],)}, "polygon"),
        ({"rings": (MANY,)}, "polygon"),
        ({"rings": (((28.8, 112.3), (28.8, 112.4), (28.9, 112.4), (28.8, 112.3)),)}, "polygon"),
        ({"msg_type": "Update"}, "references"),
        ({"msg_type": "Cancel"}, "references"),
        ({"sender": "a b"}, "sender"),
        ({"sender": ""}, "sender"),
        ({"wording": {}}, "info"),
        ({"sent": datetime(2026, 3, 1)}, "sent"),  # noqa: DTZ001 - that is the fault
    ],
)
def test_what_we_may_not_send_is_not_written(changes: dict[str, object], element: str) -> None:
    with pytest.raises(BadInput) as caught:
        write_cap(compose(replace(FIRST, **changes)))  # type: ignore[arg-type]
    assert element in [one["element"] for one in caught.value.facts["problems"]]
    assert all(one["remedy"] for one in caught.value.facts["problems"])


@pytest.mark.parametrize("code", ["", "预警", "a b", "a/b", "a,b"])
def test_a_code_stands_in_an_address(code: str) -> None:
    with pytest.raises(ValueError, match="CAP"):
        compose(replace(FIRST, code=code))


# --- others' ---------------------------------------------------------------------------------------------


def test_the_published_example_is_read(shared: Path) -> None:
    alert = read_cap("thunderstorm.cap", (shared / "data" / "cap" / "thunderstorm.cap").read_bytes())
    (info,) = alert.infos
    assert (alert.identifier, info.severity, info.language) == ("KSTO1055887203", "Severe", "en-US")
    (area,) = info.areas
    assert area.rings[0][0] == (-120.14, 38.47)
    assert ("SAME", "006109") in area.geocodes


def test_circles_several_rings_and_codes_are_read() -> None:
    body = f"{POLYGON}{POLYGON}<circle>28.8,112.3 2.5</circle><geocode><valueName>x</valueName><value>430981</value></geocode>"
    (area,) = read_cap("x", sample(body)).infos[0].areas
    assert len(area.rings) == 2
    assert area.circles == ((112.3, 28.8, 2.5),)
    assert area.geocodes == (("x", "430981"),)
    assert problems(read_cap("x", sample(POLYGON.replace(" ", "\n  ")))) == []


@pytest.mark.parametrize("encoding", ["GB2312", "gbk", "GB18030", "utf-8"])
def test_chinese_encodings_are_read(encoding: str) -> None:
    content = sample(POLYGON).decode().replace("UTF-8", encoding).encode(encoding)
    assert read_cap("x", content).infos[0].event == "暴雨"
    assert read_cap("x", b"\xef\xbb\xbf" + sample(POLYGON)).infos[0].event == "暴雨"


BOMB = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
DEEP = "<polygon>" * 5000


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "XML"),
        (b"not xml", "XML"),
        (b"<alert>", "XML"),
        (sample(POLYGON)[:-20], "XML"),
        (sample("<polygon>28.8,112.3"), "XML"),
        (sample("&nbsp;"), "XML"),
        (sample("\x00"), "XML"),
        (sample(DEEP), "XML"),
        (sample().replace(b"?>", b"?>" + BOMB.encode()), "DOCTYPE"),
        (sample().replace(b"?>", b"?><!doctype alert SYSTEM 'file:///etc/passwd'>"), "DOCTYPE"),
        (sample().decode().replace("UTF-8", "UTF-16").encode("utf-16"), "编码"),
        (sample().replace(b"UTF-8", b"UTF-7"), "编码"),
        (sample().replace(b"UTF-8", b"cp037"), "编码"),
        ("<!DOCTYPE a>".encode("utf-16"), "编码"),
        (b"\xff\xfe\x00", "编码"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'/>", "别的 XML"),
        (sample().replace(b"cap:1.2", b"cap:1.1"), "其他版本"),
        (sample(severity="Red"), "severity"),
        (sample(sent="2026-03-01"), "sent"),
        (sample(sent="2026-13-01T08:00:00+08:00"), "sent"),
        (sample(status=""), "status"),
        (sample("<polygon>28.8,112.3 28.8,112.4 28.9,112.4</polygon>"), "polygon"),
        (sample("<polygon>28.8,112.3 28.8,112.4 28.9,112.4 28.8,112.5</polygon>"), "首尾"),
        (sample("<polygon>112.3,28.8 112.4,28.8 112.4,28.9 112.3,28.8</polygon>"), "地球"),
        (sample("<polygon>a,b c,d</polygon>"), "数字"),
        (sample("<polygon>1,2,3 4</polygon>"), "数字"),
        (sample("<polygon>nan,inf nan,inf nan,inf nan,inf</polygon>"), "数字"),
        (sample("<circle>28.8,112.3</circle>"), "circle"),
        (sample("<circle>28.8,112.3 -1</circle>"), "circle"),
        (sample(POLYGON, msgType="Cancel"), "references"),
        (sample(POLYGON, scope="Restricted"), "restriction"),
        (sample(POLYGON, identifier="a b"), "identifier"),
        (sample(POLYGON, identifier=""), "identifier"),
    ],
)
def test_what_cannot_be_taken_is_told_why(content: bytes, word: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_cap("某文件", content)
    assert word in caught.value.detail
    assert caught.value.detail.startswith("某文件")
    assert caught.value.remedy


def test_over_one_megabyte_no_parser_sees_it() -> None:
    with pytest.raises(TooLarge):
        read_cap("x", sample("<!-- " + "x" * 1_000_000 + " -->"))


def test_a_file_of_this_machine_stays_where_it_is(tmp_path: Path) -> None:
    """No include, no stylesheet, no schema of the message's own choosing is fetched."""
    (tmp_path / "s.xsd").write_text("<nonsense")
    text = sample(POLYGON).decode()
    hint = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a file://{tmp_path}/s.xsd" '
    style = f'?><?xml-stylesheet href="file://{tmp_path}/s.xsd"?>'
    hinted = text.replace("<alert ", f"<alert {hint}").replace("?>", style, 1)
    assert read_cap("x", hinted.encode()).identifier == "4309-1"


# --- anything --------------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    b"<", b">", b"</info>", b"<info>", b"&#0;", b"&lt;", b"&x;", b"<![CDATA[", b"]]>", b"<!--", b"<?pi ?>", b"\x00",
    b"<area>", b"</alert>", b"<!DOCTYPE x>", b"<!ENTITY x 'y'>", b"xmlns='a'", b"\xff", "警".encode(), b" ", b"<a:b/>",
    b"1e999", b"28.8,112.3 ", b"-0.0", b"+08:00", b"xml:base='file:///'", b"'", b'"', b"<polygon/>", b"<circle>1,1 1</circle>",
])  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 1400), st.integers(0, 60), PIECES), min_size=1, max_size=6))
def test_whatever_becomes_of_a_message_it_is_read_or_refused(edits: list[tuple[int, int, bytes]]) -> None:
    content = sample(POLYGON)
    for place, cut, piece in edits:
        content = content[:place] + piece + content[place + cut :]
    try:
        alert = read_cap("x", content)
    except RiskMapError as error:
        told = error.detail, error.remedy
    else:
        told = alert.identifier, alert.sender
        assert problems(alert) or read_cap("x", write_cap(alert)) == alert
    assert all(told)


@given(
    st.binary(max_size=300), st.integers(0, 3000), st.sampled_from([b"<info>", b"<x>", b"<alert xmlns='a'>"])
)
def test_bytes_and_nesting_are_refused(noise: bytes, depth: int, opening: bytes) -> None:
    for content in (noise, b"<?xml version='1.0'?>" + noise, opening * depth):
        with pytest.raises(RiskMapError):
            read_cap("x", content)
