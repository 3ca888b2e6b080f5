"""One tree of errors. Each class knows its HTTP status, its code and a safe title; each error says how to mend it.

`detail` is written for the person who reads it: it names the thing that is wrong and never holds secrets,
SQL or other people's records. `remedy` is the next thing to do. `web/app.py` turns the tree into
`application/problem+json`, `web/cli.py` into two lines on standard error.
"""

from typing import Any, ClassVar


class RiskMapError(Exception):
    """Something went wrong that a person can be told about."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "程序出错"

    def __init__(self, detail: str, *, remedy: str = "", **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.facts = facts


class BadInput(RiskMapError):
    """The input cannot be used as it is; `detail` names file, row and field, `remedy` what to write instead."""

    status = 422
    code = "bad-input"
    title = "输入有误"


class OutsideValidity(BadInput):
    """A published method does not hold for this value; `facts` name method, limit, value, least, most and side."""

    code = "outside-validity"
    title = "超出方法适用范围"


class TooLarge(RiskMapError):
    """The input is over a stated bound of size, rows or vertices."""

    status = 413
    code = "too-large"
    title = "超出上限"


class NotFound(RiskMapError):
    """There is no such record, or this person may not know of it: the two are told alike."""

    status = 404
    code = "not-found"
    title = "未找到"


class NotSignedIn(RiskMapError):
    """No identity, so not one row."""

    status = 401
    code = "not-signed-in"
    title = "请先登录"


class Forbidden(RiskMapError):
    """The identity is known and has not this right."""

    status = 403
    code = "forbidden"
    title = "没有权限"


class LockedOut(RiskMapError):
    """Too many wrong passwords for a name or from an address; `facts["retry_after_s"]` says how long it lasts."""

    status = 429
    code = "locked-out"
    title = "尝试次数过多"


class Refused(RiskMapError):
    """The state of things does not allow it: another city's database, a rejected import, a doubled name."""

    status = 409
    code = "refused"
    title = "未予执行"


class AlreadySigned(Refused):
    """The same person signs again where somebody else's signature is missing; `missing` says how many."""

    code = "already-signed"
    title = "已经签收"


class Busy(RiskMapError):
    """Another writer holds the queue; nothing was written and trying again is safe."""

    status = 503
    code = "busy"
    title = "系统繁忙"


class TakesTooLong(RiskMapError):
    """What was asked for is not done within the time that it may take; nothing was written."""

    status = 503
    code = "takes-too-long"
    title = "计算超时"


class Unavailable(RiskMapError):
    """A part the program needs (the database, PostGIS, a front-end asset) is not there."""

    status = 503
    code = "unavailable"
    title = "服务不可用"
