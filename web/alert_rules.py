"""The rules of warnings read aloud: who is told what, when and how urgently, how often that was, and what drafts would do."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from jobs.backtests import LAST_DAYS
from layers.backtests import fired_by_rule, kept_backtest
from layers.editions import edition_named, edition_on, filed
from layers.history import CLOCK
from riskmap.alert_rules import AlertRule, AlertRules
from riskmap.backtest_picture import picture
from riskmap.errors import NotFound
from riskmap.rule_files import rules_hash, rules_table
from riskmap.rule_words import audience_words, rule_words
from riskmap.vocabulary import LEVELS
from web.render import Page, SignedPage

router = APIRouter(include_in_schema=False)

SPANS = (30, 365)
_MOST_PEOPLE = 15
_WEEK = 7
Named = Annotated[str, Query(max_length=100)]
Row = dict[str, Any]


@router.get("/alerts/rules")
def rules(page: SignedPage, edition: Named = "") -> HTMLResponse:
    """Every rule in words with its counts; a draft's rules beside the live ones for those who see the city."""
    rows, today = page.connection, datetime.now(CLOCK).date()
    live = edition_on(rows, today)
    shown = _shown(page, edition, live)
    kept = _kept(page, shown)
    content = kept["content"] if kept else None
    old = {rule.code: rule for rule in AlertRules.from_edition(live).rules}
    now = datetime.now(UTC)
    fired = fired_by_rule(rows, [now - timedelta(days=days) for days in SPANS])
    told = [
        _told(rule, page.lang, fired.get(rule.code), content, old)
        for rule in AlertRules.from_edition(shown).rules
    ]
    new = {rule["code"] for rule in told}
    return page.show(
        "alert_rules.html",
        rules=told,
        dropped=[rule_words(rule, page.lang)["name"] for code, rule in old.items() if code not in new],
        shown=shown,
        live=live,
        is_live=rules_hash(rules_table(shown)) == rules_hash(rules_table(live)),
        drafts=_drafts(page, live.name),
        spans=SPANS,
        tried=kept and content and _tried(kept, content, page.lang),
        last_days=LAST_DAYS,
        sees_city=page.session.identity.sees_city,
    )


@router.get("/alerts/rules/backtest.svg")
def drawn(page: SignedPage, edition: Named = "") -> Response:
    """The kept back-test of an edition's rules as a picture."""
    live = edition_on(page.connection, datetime.now(CLOCK).date())
    kept = _kept(page, _shown(page, edition, live))
    if kept is None:
        raise NotFound("这些规则还没有留存的回测", remedy="请运行 riskmap backtest 版本名 --keep")
    return Response(picture(kept["content"], page.lang), media_type="image/svg+xml")


def _shown(page: Page, name: str, live: Any) -> Any:
    """The edition asked for, where the reader sees the city; else the one in force."""
    if not name or name == live.name or not page.session.identity.sees_city:
        return live
    return edition_named(page.connection, name)


def _kept(page: Page, edition: Any) -> Row | None:
    if not page.session.identity.sees_city:
        return None
    return kept_backtest(page.connection, rules_hash(rules_table(edition)))


def _drafts(page: Page, live: str) -> list[str]:
    if not page.session.identity.sees_city:
        return []
    return [live, *(one.name for one in filed(page.connection) if one.name != live)]


def _told(
    rule: AlertRule, lang: str, fired: Row | None, content: Row | None, old: dict[str, AlertRule]
) -> Row:
    """A rule as the page shows it."""
    tried = content["by_rule"].get(rule.code) if content else None
    return {
        "code": rule.code,
        **rule_words(rule, lang),
        "warn": LEVELS.get(rule.warn),
        "form": rule.form,
        "counts": [fired[f"n{n}"] if fired else 0 for n in range(len(SPANS))],
        "last": fired["last"] if fired else None,
        "tried": tried,
        "weeks": _weeks(tried["days"] if tried else {}, content) if content else [],
        "news": "" if old.get(rule.code) == rule else "changed" if rule.code in old else "new",
    }


def _weeks(days: dict[str, int], content: Row) -> list[int]:
    """The warnings of a rule by week of a back-test, or by day where it is short."""
    first, last = (date.fromisoformat(content[end]) for end in ("from", "to"))
    length = (last - first).days + 1
    size = _WEEK if length > 60 else 1
    found = [0] * (-(-length // size))
    for day, n in days.items():
        found[(date.fromisoformat(day) - first).days // size] += n
    return found


def _tried(kept: Row, content: Row, lang: str) -> Row:
    """The kept back-test as the page shows it."""
    figures = ("warnings_per_day", "messages_per_day", "lead_time_h", "false", "missed", "incidents")
    names = ("days", "from", "to", "unknown", "leader", *figures)
    people = [
        one | {"audience": audience_words(one["audience"], lang)}
        for one in content["per_person"][:_MOST_PEOPLE]
    ]
    return {
        **{name: content[name] for name in names},
        "live": {name: content["live"][name] for name in ("leader", *figures)},
        "leads": _leads(content),
        "same": content["rules_hash"] == content["live_hash"],
        "more": content["more"],
        "people": people,
        "at": kept["at"],
        "actor": kept["actor"],
    }


def _leads(content: Row) -> list[Row]:
    """The incidents of a back-test, the newest first, with the hours before by which either set of rules foresaw them."""
    ours, live = content.get("leads", []), content["live"].get("leads", [])  # older ones kept none
    found = [
        one | {"time": datetime.fromisoformat(one["time"]), "live_h": other["lead_h"]}
        for one, other in zip(ours, live, strict=True)
    ]
    return found[::-1]
