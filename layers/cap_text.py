"""From the bytes of a CAP message to a tree that is safe to look at: bounds first, then a parser, then the schema.

The order matters. Bytes are decoded by us, from UTF-8 or the Chinese encodings only, so that what is searched for is
what the parser will see; a DOCTYPE is refused before there is a parser, for an entity can be no harm that nobody may
declare; the parser knows no entities and no network; and the schema judges the finished tree (a parser that validates
while it reads was brought down by an internal entity).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from riskmap.cap import CapProblem
from riskmap.errors import BadInput, TooLarge

MOST_BYTES = 1_000_000
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_ROOT = f"{{{NAMESPACE}}}alert"
_SCHEMA = Path(__file__).resolve().parents[1] / "riskmap" / "tables" / "cap_1_2" / "cap12.xsd"
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")
_ENCODING = re.compile(rb"""<\?xml\s[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii",
              "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030"}  # fmt: skip
_MOST_PROBLEMS = 20


def cap_tree(name: str, content: bytes) -> etree._Element:
    """The alert element of a message that keeps to the schema.

    TooLarge beyond 1 MB; BadInput where it is no CAP 1.2, with the fact `problems` where the schema finds some.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(f"{name} 超过 1 MB", remedy="请分成几条，或简化区域轮廓")
    text = _decoded(name, content)
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise BadInput(f"{name} 含有 DOCTYPE 或 ENTITY", remedy="CAP 报文不需要它们；请去掉后重发")
    root = _parsed(name, text)
    if root.tag != _ROOT:
        told = "CAP 的其他版本" if "emergency:cap" in str(root.tag) else "别的 XML"
        raise BadInput(
            f"{name} 不是 CAP 1.2 报文，而是{told}", remedy=f"根元素须是 alert，命名空间 {NAMESPACE}"
        )
    faults = list(_against_schema(root))
    if faults:
        refuse(name, faults)
    return root


def refuse(name: str, faults: list[CapProblem]) -> None:
    """Raise BadInput: the first fault in words, all of them as the fact `problems`."""
    first = faults[0]
    more = f"（共 {len(faults)} 处）" if len(faults) > 1 else ""
    listed = [{"element": one.element, "reason": one.reason, "remedy": one.remedy} for one in faults]
    raise BadInput(f"{name} 的 {first.element}：{first.reason}{more}", remedy=first.remedy, problems=listed)


def _decoded(name: str, content: bytes) -> str:
    """The text without its declaration."""
    declared = _ENCODING.match(content.removeprefix(b"\xef\xbb\xbf").lstrip())
    encoding = _ENCODINGS.get(declared[1].decode().lower()) if declared else "utf-8"
    try:
        if encoding is None:
            raise LookupError
        text = content.decode(encoding).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError):
        raise BadInput(f"{name} 的编码不能识别", remedy="请用 UTF-8（或 GB18030）") from None
    return _DECLARATION.sub("", text, count=1) if declared or text.lstrip().startswith("<?xml") else text


def _parsed(name: str, text: str) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode("utf-8", "strict"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"第 {line} 行" if line else ""
        raise BadInput(
            f"{name} 不是完整的 XML：{where}不合语法", remedy="请核对标签是否成对、字符是否合法"
        ) from None


@lru_cache(maxsize=1)
def _schema_tree() -> etree._ElementTree:
    return etree.parse(_SCHEMA, etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False))


def _against_schema(root: etree._Element) -> Iterator[CapProblem]:
    """What the schema finds; a schema object of our own, as it keeps the faults of its last document."""
    schema = etree.XMLSchema(_schema_tree())
    if schema.validate(root):
        return
    entries: Any = schema.error_log
    for entry in list(entries)[:_MOST_PROBLEMS]:
        element = entry.path.rpartition("/")[2].partition(":")[2].partition("[")[0] if entry.path else ""
        known = _element_of(entry.message) or element or "alert"
        yield CapProblem(
            known, f"第 {entry.line} 行不合 CAP 1.2 模式（{_short(entry.message)}）", "请按 CAP 1.2 改正"
        )


_NAMED = re.compile(r"Element '\{[^}]*\}([A-Za-z]+)'")


def _element_of(message: str) -> str:
    found = _NAMED.match(message)
    return found[1] if found else ""


def _short(message: str) -> str:
    plain = message.replace(f"{{{NAMESPACE}}}", "")
    return "".join(sign if sign.isprintable() else "�" for sign in plain[:200])
