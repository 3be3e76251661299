"""The main job on real input: real firms, real ties, a real project, by the commands and the API alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.data
def test_real_firms_form_and_sign_a_consortium_for_a_real_project(real_data: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "examples" / "real_chain.py"), "--data", str(real_data), "--json"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [m["params"]["package"] for m in found["first"]["diagnosis"] if m["code"] == "package-short"] == ["WP10"]
    suggestion = found["suggestion"]
    assert suggestion["status"] == "optimal"
    assert suggestion["gap"] == 0
    served = {part["package_id"] for seat in suggestion["plans"][0]["seats"] for part in seat["parts"]}
    assert served == {package["id"] for package in found["project"]["packages"]}
    members = {seat["name"] for seat in suggestion["plans"][0]["seats"]}
    assert len(members) <= 8
    assert "欣旺达电子股份有限公司" in members
    assert {figure["figure"] for figure in suggestion["missing"]} == {"price", "capacity"}
    assert all(seat["reasons"] for seat in suggestion["plans"][0]["seats"])
    assert found["consortium"]["state"] == "signed"
    assert {member["name"] for member in found["agreement"]["body"]["members"]} == members
    assert sum(member["share"] for member in found["agreement"]["body"]["members"]) == 10_000
    assert found["funnel"]["signed"] == 1
