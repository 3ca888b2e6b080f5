"""Accounts: adding, changing and switching off persons, each as a revision that names who did it."""

import json
import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine

from jobs.sign_in import FORGOTTEN_AFTER, HASHER, LONGEST_PASSWORD, tidy_name, verified
from layers import users
from layers.database import Identity, writing
from layers.history import open_revision
from riskmap.errors import BadInput, NotFound, Refused
from riskmap.vocabulary import COMMITTEES, USER_ROLES

SHORTEST_PASSWORD = 10
_AREA_LEVELS = {"township": "镇街", "village": "村（社区）", "grid": "网格"}
_COMMITTEE_ROLES = ("city", "planner")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""letters and figures that cannot be taken for one another"""
DEMO_TOWNSHIP = "430981006"
"""琼湖街道, the seat of the demo city"""
DEMO_USERS_FILE = "demo-users.json"


def new_password() -> str:
    """A password of 16 letters and figures in groups of four: 79 bits, fit to be read aloud."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def add_user(
    owner: Engine,
    name: str,
    role: str,
    *,
    area: str | None = None,
    enterprise: str | None = None,
    committee: str | None = None,
    password: str | None = None,
    actor: str = "system",
) -> dict[str, Any]:
    """Add a person: `{"name", "role", "area", "enterprise", "committee", "password"}`, the password told this once.

    Without a password one is made up. BadInput for a role, area or enterprise that does not fit, Refused for a name
    that is taken.
    """
    name = tidy_name(name)
    password = password if password is not None else new_password()
    _check_name(name)
    _check_password(password, name)
    wanted = users.Account(name, role, area, enterprise, committee, HASHER.hash(password), enabled=True)
    with writing(owner) as connection:
        _check_scope(connection, wanted)
        if users.account_named(connection, name) is not None:
            raise Refused(f"用户 {name} 已存在", remedy="请换一个用户名")
        rev = open_revision(connection, actor, "user-add", f"新增用户 {name}，角色 {role}")
        users.save_account(connection, wanted, rev)
    return _told(wanted, password)


def set_password(owner: Engine, name: str, password: str | None = None, *, actor: str = "system") -> str:
    """Give a person a new password and end every session of theirs; returns it. NotFound for an unknown name."""
    password = password if password is not None else new_password()
    _check_password(password, name)
    _change(owner, name, actor, "user-password", "重设密码", password_hash=HASHER.hash(password))
    return password


def change_own_password(
    owner: Engine, identity: Identity, old: str, new: str, *, address: str, session: bytes | None = None
) -> None:
    """A person's own change; the old password is asked for and guessed at like any, other sessions end."""
    _check_password(new, identity.name)
    found = verified(owner, identity.name, old, address=address, now=datetime.now(UTC))
    if old == new:
        raise BadInput("新密码与原密码相同", remedy="请换一个新密码")
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "user-password", "本人修改密码")
        users.save_account(connection, replace(found, password_hash=HASHER.hash(new)), rev)
        users.end_sessions(connection, identity.name, but=session)


def disable_user(owner: Engine, name: str, *, actor: str = "system") -> None:
    """Switch an account off: its sessions end and its password opens nothing. NotFound for an unknown name."""
    _change(owner, name, actor, "user-disable", f"停用用户 {name}", enabled=False)


def enable_user(owner: Engine, name: str, *, actor: str = "system") -> None:
    """Switch an account on again, with the password it had. NotFound for an unknown name."""
    _change(owner, name, actor, "user-enable", f"启用用户 {name}", enabled=True)


def forget_old_sessions(owner: Engine) -> None:
    """Drop expired sessions and failed sign-ins that no longer count: housekeeping, so no revision."""
    now = datetime.now(UTC)
    with writing(owner) as connection:
        users.forget_sessions(connection, now)
        users.forget_guesses(connection, now - FORGOTTEN_AFTER)


def demo_users(owner: Engine, home: Path) -> Path:
    """One person of every role with a random password, told in `<home>/demo-users.json` (readable by its owner only).

    Called again it keeps what is there; where the file is lost the passwords are made anew. The file is in place
    only after the accounts are, so a cut in between leaves no file and is mended by the next call.
    """
    path = home / DEMO_USERS_FILE
    with writing(owner) as connection:
        known = {account.name for account in users.accounts(connection)}
        places = users.first_places(connection, DEMO_TOWNSHIP)
        roles = [role for role in USER_ROLES if role in places or role not in (*_AREA_LEVELS, "enterprise")]
        if path.exists() and known >= set(roles):
            return path
        made = {role: (_demo_account(role, places), new_password()) for role in roles}
        hashes = {role: HASHER.hash(password) for role, (_, password) in made.items()}
        rev = open_revision(connection, "system", "user-add", "新建演示用户")
        for role, (wanted, _) in made.items():
            users.save_account(connection, replace(wanted, password_hash=hashes[role]), rev)
            users.end_sessions(connection, role)
        path.unlink(missing_ok=True)
    told = [_told(wanted, password) for wanted, password in made.values()]
    _write_private(path, json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    return path


def _demo_account(role: str, places: dict[str, str]) -> users.Account:
    area_code = places[role] if role in _AREA_LEVELS else None
    enterprise_code = places[role] if role == "enterprise" else None
    return users.Account(role, role, area_code, enterprise_code, None, "", enabled=True)


def _told(account: users.Account, password: str) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "area": account.area_code,
        "enterprise": account.enterprise_code,
        "committee": account.committee,
        "password": password,
    }


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= 64 or not name.isprintable() or any(c.isspace() for c in name):
        raise BadInput("用户名须为 1 至 64 个字符，不含空格", remedy="请改用字母、数字或汉字")


def _check_password(password: str, name: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadInput(
            f"密码须为 {SHORTEST_PASSWORD} 至 {LONGEST_PASSWORD} 个字符",
            remedy="请换一个密码，或不填以自动生成",
        )
    if password.casefold() == name.casefold() or len(set(password)) < 4:
        raise BadInput("密码过于简单", remedy="请换一个与用户名不同、不重复单一字符的密码")


def _check_scope(connection: Connection, wanted: users.Account) -> None:
    """Role, area, enterprise and committee fit together, and what is named is on file."""
    role = wanted.role
    if role not in USER_ROLES:
        raise BadInput(f"没有“{role}”这个角色", remedy="可用：" + "、".join(USER_ROLES))
    if role in _AREA_LEVELS:
        _check_area(connection, role, wanted.area_code)
    elif wanted.area_code is not None:
        raise BadInput(f"角色 {role} 不限于区域", remedy="请去掉 --area")
    if role == "enterprise":
        if wanted.enterprise_code is None:
            raise BadInput("企业用户须指明企业", remedy="请用 --enterprise 给出统一社会信用代码")
        if not users.has_enterprise(connection, wanted.enterprise_code):
            raise BadInput(
                f"没有编码为 {wanted.enterprise_code} 的企业", remedy="请核对统一社会信用代码，或先导入企业"
            )
    elif wanted.enterprise_code is not None:
        raise BadInput(f"角色 {role} 不限于企业", remedy="请去掉 --enterprise")
    if wanted.committee is not None and role not in _COMMITTEE_ROLES:
        raise BadInput(f"角色 {role} 不能限于专业委员会", remedy="请使用角色 " + "、".join(_COMMITTEE_ROLES))
    if wanted.committee is not None and wanted.committee not in COMMITTEES:
        raise BadInput(f"没有“{wanted.committee}”这个专业委员会", remedy="可用：" + "、".join(COMMITTEES))


def _check_area(connection: Connection, role: str, code: str | None) -> None:
    word = _AREA_LEVELS[role]
    if code is None:
        raise BadInput(f"该角色须指明{word}", remedy=f"请用 --area 给出{word}的区划代码")
    if users.level_of_area(connection, code) != role:
        raise BadInput(f"没有编码为 {code} 的{word}", remedy="请核对区划代码，或先导入行政区域")


def _change(owner: Engine, name: str, actor: str, job: str, reason: str, **values: Any) -> None:
    name = tidy_name(name)
    with writing(owner) as connection:
        found = users.account_named(connection, name)
        if found is None:
            raise NotFound(f"没有用户 {name}", remedy="请核对用户名")
        rev = open_revision(connection, actor, job, reason)
        users.save_account(connection, replace(found, **values), rev)
        users.end_sessions(connection, name)


def _write_private(path: Path, content: str) -> None:
    """Put a file in place whole, readable by its owner only from its first moment."""
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
