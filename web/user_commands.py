"""`riskmap user …`: who may sign in."""

import sys
from typing import Annotated

import typer

from riskmap.vocabulary import USER_ROLES
from web.console import print_json, say
from web.opening import Json, opened, settings_of

app = typer.Typer(help="用户管理", no_args_is_help=True)


@app.command("add")
def user_add(
    context: typer.Context,
    name: str,
    role: Annotated[str, typer.Option(help=" ".join(USER_ROLES))],
    area: Annotated[str | None, typer.Option(help="区划代码")] = None,
    enterprise: Annotated[str | None, typer.Option(help="企业代码")] = None,
    committee: Annotated[str | None, typer.Option(help="专业委员会")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="从标准输入读密码")] = False,
    json: Json = False,
) -> None:
    """新增用户；不给密码则生成一个，只显示这一次。"""
    from jobs.users import add_user

    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    with opened(settings_of(context)) as city:
        made = add_user(
            city.owner, name, role, area=area, enterprise=enterprise, committee=committee, password=password
        )
    if json:
        print_json(made)
    else:
        say(f"用户 {made['name']}，角色 {made['role']}，密码 {made['password']}")
