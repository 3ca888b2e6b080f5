"""What errors say, in English: their Chinese sentences are found again in `web/texts/errors.toml` and put into English.

The code says each thing once, in Chinese, where it happens; the English stands in one file, by that sentence, as
catalogues of messages do. A sentence that is not there stays as it is.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

from starlette.requests import Request

from riskmap.vocabulary import words
from web.texts import LANGUAGES, flat, lang_of

_FILE = Path(__file__).resolve().parent / "texts" / "errors.toml"
_HOLE = "{}"
_DEEPEST = 4
"""a sentence may hold another, which may hold a list of words"""
_LONGEST = 2000
"""characters; a longer one repeats what somebody sent, which is not worth looking through piece by piece"""


def said(lang: str, sentence: str) -> str:
    """A sentence of an error in a language."""
    return sentence if lang == LANGUAGES[0] else _english(sentence, _DEEPEST)


def lang_of_answer(request: Request) -> str:
    """The language for an error's reader: as for pages; a program without cookies may ask by Accept-Language."""
    wanted = request.headers.get("accept-language", "").strip().lower()
    if not request.cookies and "lang" not in request.query_params and wanted.startswith("en"):
        return "en"
    return lang_of(request)


def _english(text: str, deep: int) -> str:
    sentences, patterns = _catalogue()
    if text.isascii() or not deep or len(text) > _LONGEST:
        return text
    if text in sentences:
        return sentences[text].format()
    for pattern, english in patterns:
        if found := pattern.fullmatch(text):
            return english.format(*(_english(part, deep - 1) for part in found.groups()))
    if "、" in text:
        return ", ".join(_english(part, deep - 1) for part in text.split("、"))
    return text


@cache
def _catalogue() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Sentences and words as they are, and those with something filled in, the longest first: it says most."""
    content: dict[str, str] = tomllib.loads(_FILE.read_text("utf-8"))
    english = dict(flat("", words("en")))
    whole = {
        zh: english[key].replace("{", "{{").replace("}", "}}")
        for key, zh in flat("", words("zh"))
        if key in english
    }
    whole |= {zh: en for zh, en in content.items() if _HOLE not in zh}
    patterns = [
        (re.compile("(.*?)".join(map(re.escape, zh.split(_HOLE))), re.DOTALL), en)
        for zh, en in sorted(content.items(), key=lambda one: (-len(one[0].replace(_HOLE, "")), one[0]))
        if _HOLE in zh
    ]
    return whole, patterns
