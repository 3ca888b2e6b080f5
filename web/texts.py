"""The words of the screens in Chinese and English; Chinese is the default.

Texts stand in `web/texts/<topic>.<language>.toml`, the words for the codes of the data in `riskmap/words/`.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request

from riskmap.vocabulary import words

LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "riskmap_lang"
_FOLDER = Path(__file__).resolve().parent / "texts"


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key, read once."""
    found = dict(flat("", words(lang)))
    for path in sorted(_FOLDER.glob(f"*.{lang}.toml")):
        for key, value in flat("", tomllib.loads(path.read_text("utf-8"))):
            if key in found:
                raise ValueError(f"text {key} stands twice; second time in {path.name}")
            found[key] = value
    return found


def translate(lang: str, key: str, **values: Any) -> str:
    """The text of a key with `{names}` filled in. KeyError where there is none: no screen shows a bare key."""
    text = texts(lang)[key]
    return text.format(**values) if values else text


def word(lang: str, group: str, code: str | None) -> str:
    """The word for a code of the data, as `word("zh", "source_kind", "port")`; a code without one stands for itself."""
    return "" if code is None else texts(lang).get(f"{group}.{code}", code)


def lang_of(request: Request) -> str:
    """The language asked for by `?lang=`, else the one chosen before, else Chinese."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]


def flat(prefix: str, table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The texts of nested tables by their dotted keys."""
    found = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        found += flat(f"{name}.", value) if isinstance(value, Mapping) else [(name, str(value))]
    return found
