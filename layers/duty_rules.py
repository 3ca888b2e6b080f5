"""What a row of the duty layer must say to be taken: an object that is on file, one person an account, days in order."""

from layers.fields import TABLES
from layers.staging import Rule, missing


def duty_rules(staged: set[str]) -> list[Rule]:
    """A duty's object must be on file; zones are found when they are drawn. An account is one person's."""
    other = "o.account = s.account AND o.person <> s.person"
    stored = (
        f"SELECT FROM duty o WHERE {other} AND NOT EXISTS (SELECT FROM staged_duty n WHERE n.code = o.code)"
    )
    staged_too = f"SELECT FROM staged_duty o WHERE {other}"
    own = [
        Rule(
            "absent_to",
            "s.absent_to::text",
            "s.absent_to < s.absent_from",
            "缺勤结束日期早于起始日期",
            "请核对两个日期",
        ),
        Rule(
            "account",
            "s.account",
            f"EXISTS ({stored}) OR EXISTS ({staged_too})",
            "一个登录账号写给了不同的人",
            "请改正姓名或账号，一个账号只属于一个人",
        ),
    ]
    return own + [
        Rule(
            "object_code",
            "s.object_code",
            f"s.object_layer = '{table}' AND {missing('s.object_code', table, staged)}",
            f"没有这个{TABLES[table].zh}",
            "请先导入该对象，或改正编码",
        )
        for table in ("area", "enterprise", "source", "danger")
    ]
