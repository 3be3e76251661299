"""The command ``lianzhou``: data goes to stdout, everything else to stderr; exit codes as ``api/cli/codes.py`` says."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.cli import answers, audit, demo, imports, keys, limits, solve, telling, vectors
from api.cli.codes import Exit, failing
from api.settings import Settings
from domain.kinds import Duty

app = typer.Typer(
    name="lianzhou",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="链舟 LianZhou: 产业链集群出海 / one fleet abroad",
)
database_app = typer.Typer(no_args_is_help=True, help="数据库 / the database")
user_app = typer.Typer(no_args_is_help=True, help="账号 / accounts")
app.add_typer(database_app, name="db")
app.add_typer(user_app, name="user")
app.add_typer(audit.audit_app, name="audit")
app.add_typer(keys.keys_app, name="keys")
app.add_typer(limits.limits_app, name="limits")
app.add_typer(imports.import_app, name="import")
app.add_typer(imports.template_app, name="template")
app.command("solve")(solve.solve)
answers.register(app)
telling.register(app)
app.command("demo")(demo.demo)
app.command("vectors")(vectors.vectors)


class Watcher(StrEnum):
    """Who oversees the platform."""

    BUREAU = "bureau"
    OPERATOR = "operator"


def settings() -> Settings:
    """Return the settings of the environment."""
    return Settings.from_env(os.environ)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="监听端口 / port to listen on")] = None,
    host: Annotated[str | None, typer.Option(help="监听地址 / address to listen on")] = None,
) -> None:
    """控制台与接口 / serve console and API on a migrated database."""
    from api.db import migrate
    from api.embedded import database

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    known = settings()
    with failing(), database(known) as url:
        migrate(url)
        demo.serve_app(known, url, host or known.host, port or known.port)


@app.command()
def worker() -> None:
    """后台任务进程 / run one worker: suggestions, imports, vectors, deadlines."""
    from api import worker as process

    with failing():
        process.main()


@database_app.command()
def upgrade() -> None:
    """升级结构 / bring the schema up to date."""
    from api.db import migrate
    from api.embedded import database

    with failing(), database(settings()) as url:
        migrate(url)
        typer.echo("ok", err=True)


@user_app.command()
def add(
    email: Annotated[str, typer.Argument(help="电子邮箱 / e-mail address")],
    credit_code: Annotated[
        str, typer.Option(help="所属组织的统一社会信用代码 / unified credit code of the organisation")
    ],
    name: Annotated[str, typer.Option(help="姓名 / name")],
    password_env: Annotated[
        str, typer.Option(help="从该环境变量读口令 / read the password from this variable")
    ] = "LIANZHOU_PASSWORD",
    duty: Annotated[
        list[Duty] | None, typer.Option(help="职责，可多次 / duty, repeatable; all that is done there by default")
    ] = None,
) -> None:
    """开通账号 / make an account for a person of a registered organisation; the password is never an argument."""
    from api.cli.accounts import enrol_person

    with failing():
        asyncio.run(enrol_person(settings(), email, credit_code, name, os.environ.get(password_env), duty or ()))


@user_app.command("list")
def list_people(
    credit_code: Annotated[str, typer.Option(help="统一社会信用代码 / unified credit code of the organisation")],
) -> None:
    """列出人员与职责 / list the people of an organisation with their duties."""
    from api.cli.accounts import listed

    with failing():
        asyncio.run(listed(settings(), credit_code))


@user_app.command()
def recover(email: Annotated[str, typer.Argument(help="电子邮箱 / e-mail address")]) -> None:
    """签发密码重设链接，当面转交 / make a link by which a person sets a new password; hand it over in person."""
    from api.cli.accounts import issue_link

    with failing():
        typer.echo(asyncio.run(issue_link(settings(), email)))


@user_app.command("drop-second-factor")
def drop_second_factor(email: Annotated[str, typer.Argument(help="电子邮箱 / e-mail address")]) -> None:
    """停用遗失手机和备用码者的两步验证 / for whoever has lost app and codes, once you know who asks."""
    from api.cli import accounts

    with failing():
        typer.echo(asyncio.run(accounts.drop_second_factor(settings(), email)))


@app.command()
def appoint(
    name: Annotated[str, typer.Argument(help="名称 / name")],
    credit_code: Annotated[str, typer.Option(help="统一社会信用代码 / unified credit code")],
    role: Annotated[Watcher, typer.Option(help="角色 / role")] = Watcher.BUREAU,
) -> None:
    """指定商务局或平台运营方 / enter the commerce bureau or the operator: appointed here, never imported."""
    from api.cli.accounts import appoint as enter
    from domain.kinds import Role

    with failing():
        asyncio.run(enter(settings(), name, credit_code, Role(role.value)))


@app.command()
def openapi(output: Annotated[Path | None, typer.Option("-o", help="写入文件 / file to write")] = None) -> None:
    """接口契约 / print the OpenAPI document."""
    from api.app import create_app
    from api.docs import contract

    document = contract(create_app(Settings(), "postgresql://nowhere/none").openapi_schema.to_schema())
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def main() -> None:
    """Run the command line; an interrupt ends it with 130."""
    with contextlib.suppress(BrokenPipeError):
        try:
            app()
        except KeyboardInterrupt:
            raise SystemExit(Exit.INTERRUPTED) from None
