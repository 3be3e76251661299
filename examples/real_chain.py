"""From a real overseas energy project to a signed consortium of real firms, by the commands and the API a user has.

    .venv/bin/python examples/real_chain.py --data ../shared/data [--json]

The firms of one city are read from the disclosures of 2017 and 2018, with every supply link that names them; the
project is taken from the World Bank's list (P181434, Uzbekistan Solar and Renewable Energy Storage). The work packages
are what a project manager would write. Nobody has declared a price or a capacity, so fit, ties and the number of
members decide, and the plan says which figures will have to be asked for.

Nothing here says that any of these firms took part in this project or would: the answers and signatures are given by
the example itself, on a database of its own.
"""

import argparse
import contextlib
import csv
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

LIANZHOU = str(Path(sys.executable).with_name("lianzhou"))
PROJECT = "P181434"
LEADER_STOCK_CODE = "002121.SZ"
BUREAU = {"name": "演示商务局", "credit_code": "11999999MA0000001Y"}
PACKAGES: tuple[tuple[str, str, str, str, int, int], ...] = (
    ("WP01", "储能电芯", "Battery cells", "储能电池", 400, 9_600_000_000),
    ("WP02", "光伏逆变器", "PV inverters", "太阳能光伏逆变器", 120, 2_400_000_000),
    ("WP03", "变压器", "Transformers", "电力变压器", 24, 1_300_000_000),
    ("WP04", "电缆", "Cabling", "电力电缆", 300, 900_000_000),
    ("WP05", "能量管理软件", "Energy management software", "电力监控系统软件", 100, 260_000_000),
    ("WP06", "光伏电站工程", "PV plant works", "光伏电站EPC", 100, 3_100_000_000),
    ("WP07", "土建与道路", "Civil works", "工程施工", 100, 1_500_000_000),
    ("WP08", "国际物流", "Logistics", "国际货运代理", 100, 420_000_000),
    ("WP09", "检验检测", "Inspection and testing", "检测认证服务", 100, 60_000_000),
    ("WP10", "涉外法律服务", "Legal services", "涉外法律服务", 100, 40_000_000),
)
"""Code, name zh and en, the capability asked for, whole units, published value in cents of a US dollar."""


def told(text: str) -> None:
    """Say how far the example is; the result alone goes to stdout."""
    sys.stderr.write(f"· {text}\n")


class Platform:
    """The platform in a home of its own: the command line, one server, one worker, and people who sign in."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # nobody here has a telephone for a second factor, which signatures ask for where nothing else is said
        self.environment = {
            **os.environ, "LIANZHOU_HOME": str(home), "LIANZHOU_LANG": "en", "LIANZHOU_SECOND_FACTOR": "optional",
        }  # fmt: skip
        self.environment.pop("DATABASE_URL", None)
        self.port = free_port()
        self.password = secrets.token_urlsafe(18)
        self.clients: dict[str, httpx.Client] = {}

    def command(self, *words: str) -> str:
        """Run ``lianzhou`` with `words`; what it prints is returned, a failure ends the example."""
        secret = {"LIANZHOU_PASSWORD": self.password}
        done = subprocess.run(
            [LIANZHOU, *words], env=self.environment | secret, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"lianzhou {' '.join(words)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
        return done.stdout

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve and work until the block is left; both processes are ended by their ids."""
        log = (self.home / "example.log").open("wb")
        started = [
            subprocess.Popen([LIANZHOU, *words], env=self.environment, stdout=log, stderr=log)
            for words in (("serve", "--port", str(self.port)), ("worker",))
        ]
        try:
            self._await()
            yield
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            log.close()

    def _await(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/ready").status_code == 200:
                    return
            time.sleep(0.2)
        raise SystemExit(f"the server did not start:\n{(self.home / 'example.log').read_text()}")

    def person(self, credit_code: str, name: str) -> httpx.Client:
        """Return a client of somebody who acts for the organisation with this code, enrolled and signed in once."""
        if credit_code not in self.clients:
            email = f"{credit_code.lower()}@example.com"
            self.command("user", "add", email, "--credit-code", credit_code, "--name", name[:40])
            client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=60)
            client.post("/sign-ins", json={"email": email, "password": self.password}).raise_for_status()
            self.clients[credit_code] = client
        return self.clients[credit_code]


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answer(response: httpx.Response) -> Any:
    """Return an answer's JSON; a refusal ends the example with what it says."""
    if response.is_error:
        raise SystemExit(
            f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text}"
        )
    return response.json()


def narrowed(data: Path, city: str, folder: Path) -> tuple[list[Path], dict[str, dict[str, str]]]:
    """Write the parts of the disclosures that are about firms of `city`; return the files and the firms by code."""
    firms = {row["stock_code"]: row for row in rows(data / "china" / "company_basic.csv") if row["city"] == city}
    parts = (
        ("firms", "company_basic.csv", "stock_code"),
        ("capabilities", "company_product.csv", "stock_code"),
        ("links", "supplier_2017_2018.csv", "buyer_stock_code"),
        ("links", "customer_2017_2018.csv", "seller_stock_code"),
    )
    files = []
    for subject, name, key in parts:
        kept = [row for row in rows(data / "china" / name) if row[key] in firms]
        target = folder / subject / name
        target.parent.mkdir(exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, kept[0].keys())
            writer.writeheader()
            writer.writerows(kept)
        files.append(target)
    return files, firms


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as source:
        yield from csv.DictReader(source)


def roles(folder: Path, leader: dict[str, str]) -> Path:
    """Write the row that says who leads."""
    path = folder / "firms" / "roles.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ("name", "credit_code", "roles"))
        writer.writeheader()
        code = leader["unified_credit_code"]
        writer.writerow({"name": leader["company_name"], "credit_code": code, "roles": "chain_leader, supplier"})
    return path


def opportunity(data: Path, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Write the project from the World Bank's row; packages in `without` are left to local partners."""
    source = next(row for row in rows(data / "opportunities" / "worldbank_active_pipeline.csv") if row["id"] == PROJECT)
    period = {"starts": "2028-03-01", "ends": "2029-08-31"}
    return {
        "title": "乌兹别克斯坦太阳能与储能项目",
        "title_en": source["project_name"].strip(),
        "summary": re.sub(r"\s+", " ", source["pdo"]).strip(),
        "country": "UZ",
        "currency": "USD",
        "deadline": "2028-01-31T17:00:00+05:00",
        **period,
        "financier": "World Bank",
        "source": "World Bank",
        "source_reference": PROJECT,
        "rules": {"max_members": 8},
        "goals": {"weights": {"fit": 70, "members": 10, "price": 20}, "cohesion": {"give_up": 200}},
        "packages": [
            {
                "code": code,
                "name": name,
                "name_en": english,
                "unit": "SET",
                "quantity": quantity,
                "value": value,
                **period,
                "requirements": [{"kind": "capability", "phrase": phrase}],
            }
            for code, name, english, phrase, quantity, value in PACKAGES
            if code not in without
        ],
    }


def suggested(leader: httpx.Client, project: str) -> dict[str, Any]:
    """Ask for suggestions, follow the job to its end, and return the newest run."""
    job = answer(leader.post(f"/opportunities/{project}/suggestions", json={"plans": 3, "seconds": 20}))
    until = time.monotonic() + 240
    with leader.stream("GET", f"/jobs/{job['id']}/events", timeout=120) as stream:
        for line in stream.iter_lines():
            if time.monotonic() > until:
                raise SystemExit(f"the run did not end: see {job}")
            if line.startswith("data: "):
                told(f"{json.loads(line[6:])['state']}: {json.loads(line[6:])['progress']}")
    newest: dict[str, Any] = answer(leader.get(f"/opportunities/{project}/suggestions"))[0]
    return newest


def walk(platform: Platform, data: Path, firms: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Walk the whole road and return what was found on it.

    The first run asks for every package; what no firm of the city covers is then left to local partners, as a project
    manager would, in a second edition of the project.
    """
    leader_row = firms[LEADER_STOCK_CODE]
    leader = platform.person(leader_row["unified_credit_code"], leader_row["company_name"])
    bureau = platform.person(BUREAU["credit_code"], BUREAU["name"])
    draft = leader.post("/opportunities", json=opportunity(data))
    project = answer(draft)
    answer(leader.post(f"/opportunities/{project['id']}/publication"))
    answer(bureau.post(f"/opportunities/{project['id']}/publication"))
    first = suggested(leader, project["id"])
    short = frozenset(m["params"]["package"] for m in first["diagnosis"] if m["code"] == "package-short")
    last = first
    if short:
        told(f"no firm of the city covers {', '.join(sorted(short))}: left to local partners in edition 2")
        version = answer(leader.get(f"/opportunities/{project['id']}"))["version"]
        body = opportunity(data, short)
        answer(leader.put(f"/opportunities/{project['id']}", json=body, headers={"If-Match": f'"{version}"'}))
        last = suggested(leader, project["id"])
    if not last["plans"]:
        raise SystemExit(f"no plan: {last['diagnosis']}")
    by_name = {row["company_name"]: row["unified_credit_code"] for row in firms.values()}
    members = [platform.person(by_name[seat["name"]], seat["name"]) for seat in last["plans"][0]["seats"]]
    consortium, agreement = formed_and_signed(leader, members, last["id"])
    indicators = answer(bureau.get("/indicators"))
    return {
        "project": answer(leader.get(f"/opportunities/{project['id']}")),
        "first": first,
        "suggestion": last,
        "consortium": consortium,
        "agreement": agreement,
        "funnel": {figure["code"]: figure["value"] for figure in indicators["funnel"]},
    }


def formed_and_signed(
    leader: httpx.Client, members: list[httpx.Client], suggestion: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Form a consortium from the first plan, let every member accept and sign; return it and its agreement."""
    consortium = answer(leader.post("/consortia", json={"suggestion_id": suggestion, "plan": 1}))
    answer(leader.post(f"/consortia/{consortium['id']}/invitations", json={"hours": 72}))
    for member in members:
        (seat,) = answer(member.get("/inbox"))
        answer(member.post(f"/memberships/{seat['id']}/acceptance", json={"edition": seat["edition"]}))
        answer(member.post(f"/memberships/{seat['id']}/confidentiality", json={"edition": 1}))
    agreement = answer(members[0].get(f"/consortia/{consortium['id']}/agreement"))
    for member in members:
        consortium = answer(
            member.post(f"/consortia/{consortium['id']}/signatures", json={"sha256": agreement["sha256"]})
        )
    return consortium, agreement


def show(found: dict[str, Any]) -> None:
    """Print the plan that was signed."""
    from rich.console import Console
    from rich.table import Table

    suggestion, screen = found["suggestion"], Console()
    codes = {package["id"]: f"{package['code']} {package['name']}" for package in found["project"]["packages"]}
    plan = suggestion["plans"][0]
    proof = f"{suggestion['status']} · gap {suggestion['gap']:.2%} · {suggestion['seconds']} s"
    table = Table(title=f"{found['project']['title']} · {proof}", title_justify="left")
    for heading in ("firm", "package", "fit", "share %", "others who could"):
        table.add_column(heading)
    for seat in plan["seats"]:
        for part in seat["parts"]:
            name = seat["name"] + (" (lead)" if seat["lead"] else "")
            table.add_row(
                name, codes[part["package_id"]], str(part["fit"]), f"{part['share'] / 100:.2f}", str(part["runners_up"])
            )
    screen.print(table)
    screen.print(
        f"first run: {found['first']['status']}; left out: {[m['params'] for m in found['first']['diagnosis']]}"
    )
    screen.print(f"candidates {suggestion['candidates']}, figures to ask for {len(suggestion['missing'])}")
    screen.print(f"{found['consortium']['state']}: {found['agreement']['sha256']}")


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the real data sets")
    parser.add_argument("--city", default="深圳市")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="real-chain-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        files, firms = narrowed(chosen.data, chosen.city, folder)
        platform = Platform(folder / "home")
        platform.command("db", "upgrade")
        for file in files:
            told(f"import {file.parent.name} from {file.name}")
            platform.command("import", file.parent.name, str(file), "--on-error", "skip")
        platform.command("appoint", BUREAU["name"], "--credit-code", BUREAU["credit_code"])
        platform.command("import", "firms", str(roles(folder, firms[LEADER_STOCK_CODE])), "--update")
        told("vectors")
        platform.command("vectors")
        with platform.running():
            found = walk(platform, chosen.data, firms)
    if chosen.json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    else:
        show(found)


if __name__ == "__main__":
    main()
