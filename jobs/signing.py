"""Signing with no account: by a link for one warning and one person, and by answering a short message with 1.

Both are the step `sign` in the person's name, and its note says how. A link is told once, in the message itself; kept is
its hash. It ends with the first signature, by whichever way, and after the time that the rules give it.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.sign_in import count_attempt, forgive_attempt, hash_token
from jobs.warning_steps import note_step, step_by_name
from layers.database import snapshot, writing
from layers.history import open_revision
from layers.signing import (
    forget_links,
    keep_links,
    keep_reply,
    known_replies,
    link_of,
    told_by,
    use_links,
)
from riskmap.alert_life import OPEN, UNSIGNED
from riskmap.channels import Reply
from riskmap.errors import NotFound, Refused

LINK = "/s/"
YES = "1"
_FREE_GUESSES = 9
"""wrong links from one address before the first delay"""
_KEPT = timedelta(days=30)
"""how long a link that has ended can still say so"""
Row = dict[str, Any]


class Links:
    """Puts a way to sign into messages that reach one person alone: a link where the pages have a public address."""

    def __init__(self, public_url: str, replying: Iterable[str] = ()) -> None:
        self._url = public_url.rstrip("/")
        self._replying = frozenset(replying)

    def add(self, owner: Engine, rows: Sequence[Row], now: datetime, lasts_s: int) -> None:
        """Give each row of the outbox whose warning waits for a signature its `link`, the words that end the message."""
        rows = [row for row in rows if row["state"] in UNSIGNED]
        links = []
        for row in rows:
            ways = ["回复1签收"] if row["channel"] in self._replying else []
            if self._url:
                token = token_urlsafe(32)
                ways.insert(0, f"签收链接 {self._url}{LINK}{token} ")
                told = {name: row[name] for name in ("delivery_id", "warning_id", "person")}
                links.append(
                    {"token_hash": hash_token(token), "until_at": now + timedelta(seconds=lasts_s), **told}
                )
            row["link"] = "或".join(ways)
        if links:
            with writing(owner) as connection:
                keep_links(connection, links)


def look_at_link(owner: Engine, token: str, *, address: str, now: datetime | None = None) -> Row:
    """What a link stands for: the message it came in, whose it is, and whether it can still sign (`open`).

    NotFound for a link that is none, LockedOut where too many of these came from one address.
    """
    now = now or datetime.now(UTC)
    with writing(owner) as connection:
        count_attempt(connection, "link", address, _FREE_GUESSES, now, "链接多次输错，暂时不能打开")
        link = link_of(connection, hash_token(token))
        if link is not None:
            forgive_attempt(connection, "link", address, now)
    if link is None:
        raise NotFound("没有这个签收链接，或它早已失效", remedy="请登录系统签收，或致电值班室")
    return _standing(link, now)


def sign_by_link(owner: Engine, token: str, *, address: str, now: datetime | None = None) -> Row:
    """Sign for the warning of a link in its person's name; the link as it then is.

    NotFound, LockedOut as `look_at_link`; Refused where it was used, has ended, or the warning is over.
    """
    at = now or datetime.now(UTC)
    link = look_at_link(owner, token, address=address, now=at)
    if not link["open"]:
        raise Refused("这个链接已经用过、已过期，或提示已解除", remedy="请登录系统查看，或致电值班室")
    person, number = link["person"], link["warning_id"]
    with writing(owner) as connection:
        rev = open_revision(connection, person, "warning", f"预警提示 {number}：sign（链接）")
        if not use_links(connection, number, person, at):
            raise Refused("这个链接刚刚用过", remedy="请刷新页面")
        step_by_name(connection, number, "sign", person, f"免登录链接签收，渠道 {link['channel']}", at, rev)
        signed = link_of(connection, hash_token(token))
    assert signed is not None
    return _standing(signed, at)


def _standing(link: Row, now: datetime) -> Row:
    """A link, and whether it can still sign."""
    return link | {"open": link["used_at"] is None and now < link["until_at"] and link["state"] in OPEN}


def take_replies(owner: Engine, channel: str, replies: Sequence[Reply], now: datetime | None = None) -> int:
    """Take in replies to short messages, each once: 1 signs, any other text is noted for the desk. How many were new."""
    if not replies:
        return 0
    at = now or datetime.now(UTC)
    with snapshot(owner) as connection:
        known = known_replies(connection, [one.reply_id for one in replies])
    new = {one.reply_id: one for one in replies if one.reply_id not in known}
    for one in new.values():
        with writing(owner) as connection:
            _take_reply(connection, channel, one, at)
    return len(new)


def _take_reply(connection: Connection, channel: str, one: Reply, at: datetime) -> None:
    told = told_by(connection, channel, _spellings(one.address))
    waiting = [row for row in told if row["state"] in UNSIGNED and row["person"] not in row["signed_by"]]
    says_yes = unicodedata.normalize("NFKC", one.text).strip(" 。.，,") == YES
    about = next(iter(waiting if says_yes else told), None)
    actor = about["person"] if about else "未知号码"
    rev = open_revision(connection, actor, "reply", f"短信回复，渠道 {channel}")
    outcome = "unknown" if about is None else "signed" if says_yes else "noted"
    if about:
        number, note = about["warning_id"], f"短信回复“{one.text.strip()}”，号码尾号 {one.address[-4:]}"
        if says_yes:
            step_by_name(connection, number, "sign", actor, note, at, rev)
            use_links(connection, number, actor, at)
        else:
            note_step(connection, number, "reply", actor, note, at, rev)
    kept = {"reply_id": one.reply_id, "channel": channel, "address": one.address, "text": one.text, "at": at}
    of = {"person": about and about["person"], "warning_id": about and about["warning_id"]}
    keep_reply(connection, {**kept, **of, "outcome": outcome, "rev": rev})


def _spellings(address: str) -> set[str]:
    """How one number may stand on file: with and without the country's prefix."""
    digits = "".join(sign for sign in address if sign.isdigit())
    bare = digits.removeprefix("86") if len(digits) == 13 else digits
    return {address, digits, bare, f"+86{bare}", f"86{bare}"} - {""}


def forget_old_links(owner: Engine) -> None:
    """Drop the links that ended long ago."""
    with writing(owner) as connection:
        forget_links(connection, datetime.now(UTC) - _KEPT)
