"""Pages of warnings to the public: what is in force, a draft and its approval, and the sheet on which it is approved.

Whoever is signed in reads what was approved, and everybody where the city says so; the database decides which rows
there are.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from jobs.public_cap import city_names
from jobs.public_warnings import (
    approve_warning,
    draft_warning,
    lift_warning,
    may_approve,
    may_draft,
    withdraw_draft,
)
from layers.alert_ledger import warning_told
from layers.city import stored_city
from layers.history import CLOCK
from layers.public_warnings import list_is_everybodys, public_page, public_told
from layers.status import township_names
from riskmap.errors import BadInput, Forbidden, RiskMapError
from riskmap.public_warnings import (
    KINDS,
    MOST_CHARS,
    WRITTEN,
    PublicWarning,
    Said,
    issuer,
    said_of,
    short_message,
)
from riskmap.vocabulary import LEVELS
from web.deps import NO_NUL, CurrentSession, Owner, Reader, everybodys_rows
from web.outlines import MOST_OUTLINE, drawn_outline, outline_config, outline_files
from web.pages import PER_PAGE, Number, Shown
from web.public_warnings import Code, TownshipCode, level_of, told_or_not_found
from web.render import Page, SignedPage, page_of, render
from web.texts import LANGUAGES
from web.warning_cards import rules_now

router = APIRouter(prefix="/alerts/public", include_in_schema=False)
Row = dict[str, Any]
_Text = Annotated[str, Form(max_length=600, pattern=NO_NUL)]
_Short = Annotated[str, Form(max_length=100, pattern=NO_NUL)]
_SAID = tuple(f"{name}_{lang}" for lang in ("zh", "en") for name in WRITTEN)
_DONE = "^(draft|approve|withdraw|lift)?$"
_HOURS = timedelta(hours=12)
"""how long a new draft is to hold where nobody says otherwise"""


@router.get("")
def public_list(
    request: Request,
    reader: Reader,
    session: CurrentSession,
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """Those in force as cards, drafts that wait for an approval, and what is over."""
    now = datetime.now(UTC)
    with everybodys_rows(reader, session, list_is_everybodys) as rows:
        found = public_page(rows, now, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
        items = found.items
        told: Row = {
            "now": now,
            "shown": Shown(items, found.total, number),
            "open": [one for one in items if one["state"] == "open"],
            "drafts": [one for one in items if one["state"] == "draft"],
            "over": [one for one in items if one["state"] not in ("open", "draft")],
            "may_draft": session is not None and may_draft(session.identity),
        }
        if session is None:
            return render(request, "public_warnings.html", **told)
        return page_of(request, session, rows).show("public_warnings.html", **told)


@router.get("/new")
def new(
    page: SignedPage,
    replaces: Annotated[str, Query(max_length=20)] = "",
    warning: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> HTMLResponse:
    """An empty draft, one begun from a warning to officials, or an update of one that is in force."""
    now = datetime.now(UTC)
    if replaces:
        given = _given_of(told_or_not_found(public_told(page.connection, replaces, now), replaces))
    elif warning:
        given = _given_by(page, warning_told(page.connection, warning), now)
    else:
        given = _empty(page, now)
    return _form(page, given)


@router.post("")
def draft(
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    township: Annotated[list[TownshipCode], Form(default_factory=list, max_length=100)],
    kind: _Short = "",
    level: _Short = "",
    until: _Short = "",
    polygon: Annotated[str, Form(max_length=MOST_OUTLINE)] = "",
    replaces: _Short = "",
    warning: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
    area_zh: _Text = "",
    text_zh: _Text = "",
    advice_zh: _Text = "",
    area_en: _Text = "",
    text_en: _Text = "",
    advice_en: _Text = "",
) -> Response:
    """File a draft; what is wrong is told at the form, and nothing that was written is lost."""
    words = dict(zip(_SAID, (area_zh, text_zh, advice_zh, area_en, text_en, advice_en), strict=True))
    given: Row = {"kind": kind, "level": level, "until": until, "townships": township, "polygon": polygon}
    given |= {"replaces": replaces, "warning": warning, **words}
    said = {lang: Said(*(words[f"{name}_{lang}"].strip() for name in WRITTEN)) for lang in ("zh", "en")}
    try:
        filed = draft_warning(
            owner,
            reader,
            page.session.identity,
            PublicWarning(kind, level_of(level), said, _instant(until)),
            townships=[] if polygon.strip() else township,
            outline=drawn_outline(polygon),
            replaces=replaces or None,
            warning_id=warning,
        )
    except RiskMapError as error:
        return _form(page, given, _mine(error))
    return RedirectResponse(f"/alerts/public/{filed['code']}?done=draft", 303)


@router.get("/{code}")
def one(page: SignedPage, code: Code, done: Annotated[str, Query(pattern=_DONE)] = "") -> HTMLResponse:
    """One public warning, its steps, and what whoever looks may do about it."""
    return _one(page, code, done=done)


@router.get("/{code}/sheet")
def sheet(page: SignedPage, code: Code) -> HTMLResponse:
    """The sheet of approval (发布审批单), to print and to sign."""
    return page.show("public_sheet.html", **_told(page, code))


@router.post("/{code}/approve")
def approve(
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    code: Code,
    number: _Short = "",
    signatory: _Short = "",
    note: _Text = "",
) -> Response:
    """Approve a draft under a number."""
    given = {"number": number, "signatory": signatory, "note": note}
    return _step(
        page,
        code,
        "approve",
        given,
        lambda: approve_warning(
            owner,
            reader,
            page.session.identity,
            code,
            number=number,
            signatory=signatory,
            note=note,
        ),
    )


@router.post("/{code}/withdraw")
def withdraw(page: SignedPage, owner: Owner, reader: Reader, code: Code, note: _Text = "") -> Response:
    """Take a draft back."""
    return _step(
        page,
        code,
        "withdraw",
        {"note": note},
        lambda: withdraw_draft(owner, reader, page.session.identity, code, note),
    )


@router.post("/{code}/lift")
def lift(page: SignedPage, owner: Owner, reader: Reader, code: Code, note: _Text = "") -> Response:
    """Lift one that is in force."""
    return _step(
        page,
        code,
        "lift",
        {"note": note},
        lambda: lift_warning(owner, reader, page.session.identity, code, note),
    )


def _step(
    page: Page, code: str, action: str, given: Mapping[str, str], step: Callable[[], object]
) -> Response:
    """Take a step; what is refused is told where the person is looking, with what they had written."""
    try:
        step()
    except RiskMapError as error:
        return _one(page, code, refused={"error": _mine(error), "action": action, "given": given})
    return RedirectResponse(f"/alerts/public/{code}?done={action}", 303)


def _mine(error: RiskMapError) -> RiskMapError:
    """An error that is told at the form; what is not about the form goes on."""
    if error.status >= 500 or error.status == 404:
        raise error
    return error


def _one(page: Page, code: str, *, done: str = "", refused: Row | None = None) -> HTMLResponse:
    return page.show(
        "public_warning.html",
        status_code=refused["error"].status if refused else 200,
        done=done,
        refused=refused,
        wrong=_wrong(page, refused["error"]) if refused else "",
        **_told(page, code),
    )


def _told(page: Page, code: str) -> Row:
    """A version with its texts, and what whoever looks may do."""
    now, identity = datetime.now(UTC), page.session.identity
    row = told_or_not_found(public_told(page.connection, code, now), code)
    city = city_names(stored_city(page.connection))
    until = datetime.fromisoformat(row["until_at"]).astimezone(CLOCK)
    level = level_of(row["level"])
    one = PublicWarning(
        row["kind"], level, said_of(row["said"]), until, row["number"] or "", row["signatory"] or ""
    )
    drafter = next((step["account"] for step in row["steps"] if step["action"] == "draft"), None)
    waits = row["state"] == "draft"
    must_be_another = row["signatures"] > 1 and drafter == identity.name
    return {
        "now": now,
        "one": row,
        "issuer": issuer(city[page.lang], page.lang),
        "messages": {lang: short_message(city[lang], one, lang) for lang in _mine_first(page.lang)},
        "most": MOST_CHARS,
        "may_approve": waits and may_approve(identity) and not must_be_another,
        "must_be_another": waits and may_approve(identity) and must_be_another,
        "may_withdraw": waits and (may_approve(identity) or drafter == identity.name),
        "may_lift": row["state"] == "open" and may_approve(identity),
        "may_update": row["state"] == "open" and may_draft(identity),
    }


def _mine_first(lang: str) -> list[str]:
    """Both languages, the reader's first."""
    return sorted(LANGUAGES, key=lambda one: one != lang)


# --- the form --------------------------------------------------------------------------------------------


def _form(page: Page, given: Row, error: RiskMapError | None = None) -> HTMLResponse:
    identity = page.session.identity
    if not may_draft(identity):
        raise Forbidden("您的角色不能起草公开预警", remedy="请由市级用户或属地镇街起草")
    names = township_names(page.connection)
    if identity.role == "township":
        names = {code: name for code, name in names.items() if code == identity.area_code}
    return page.show(
        "public_draft.html",
        status_code=error.status if error else 200,
        given=given,
        error=error,
        wrong=_wrong(page, error) if error else "",
        kinds=tuple(KINDS),
        levels=tuple(LEVELS.values()),
        two_sign=[
            word
            for level, word in LEVELS.items()
            if rules_now(page, datetime.now(UTC)).signatures.of(level) > 1
        ],
        townships=names,
        most=MOST_CHARS,
        config=outline_config(page, ()),
        **outline_files(),
    )


def _empty(page: Page, now: datetime) -> Row:
    own = page.session.identity.area_code if page.session.identity.role == "township" else None
    given = {"kind": "hazchem", "level": "yellow", "until": _local(now + _HOURS), "polygon": ""}
    return (
        given
        | dict.fromkeys(_SAID, "")
        | {"townships": [own] if own else [], "replaces": "", "warning": None}
    )


def _given_by(page: Page, told: Row, now: datetime) -> Row:
    """A draft begun from a warning to officials: its level and township; what is said is for a person to write."""
    township = told["township_code"]
    given = _empty(page, now) | {"level": told["warn"], "warning": told["id"]}
    return given | ({"townships": [township]} if township else {})


def _given_of(row: Row) -> Row:
    """The update of a version begins as it stands; where the area was told by the townships' names, it is told anew."""
    until = datetime.fromisoformat(row["until_at"])
    said = {f"{name}_{lang}": row["said"][lang][name] for lang in ("zh", "en") for name in WRITTEN}
    polygon = json.dumps(row["outline"]) if row["outline"] else ""
    given = {"kind": row["kind"], "level": row["level"], "until": _local(until), "polygon": polygon}
    townships = [] if polygon else row["townships"]
    said |= {
        name: ""
        for name, among in (("area_zh", "、"), ("area_en", ", "))
        if said[name] == among.join(row["township_names"])
    }
    return given | said | {"townships": townships, "replaces": row["code"], "warning": row["warning_id"]}


def _local(at: datetime) -> str:
    """An instant as a field of the form has it, by the city's clock."""
    return at.astimezone(CLOCK).strftime("%Y-%m-%dT%H:%M")


def _instant(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=CLOCK)
    except ValueError:
        raise BadInput("有效期不是时间", remedy="请选择日期和时间", field="until") from None


def _wrong(page: Page, error: RiskMapError) -> str:
    """What was wrong, in the reader's words."""
    field = error.facts.get("field", "")
    if isinstance(error, Forbidden):
        return page.text("public.wrong.right")
    if field.startswith("text_") and "length" in error.facts:
        most = MOST_CHARS[field.removeprefix("text_")]
        return page.text("public.wrong.long", n=error.facts["length"], most=most)
    if field in _SAID:
        return page.text("public.wrong.words")
    known = ("kind", "level", "until", "area", "polygon", "number", "signatory", "note", "drafter")
    return page.text(f"public.wrong.{field if field in known else 'state'}")
