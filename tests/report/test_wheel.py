"""What is shipped: a wheel that is built, unpacked and run has the page's template, and its extra names Jinja2."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

from tests.fixtures.files import WriteMigrations
from tests.report.shop import FILES
from tests.run.doing import migrate

ROOT = Path(__file__).parents[2]


def test_a_page_is_written_by_what_the_wheel_holds(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path
) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(metadata).decode())
    assert any(one.startswith("jinja2") and "extra == 'html'" in one for one in told.get_all("Requires-Dist", []))
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    # The current directory comes first on the path, before the checkout that is installed.
    command = [sys.executable, "-m", "sessmig", "report", "-o", "report.html", "-d", sqlite_url, "--dir", str(folder)]
    done = subprocess.run(command, cwd=unpacked, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    where = "import sessmig; print(sessmig.__file__)"
    found = subprocess.run([sys.executable, "-c", where], cwd=unpacked, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == str(unpacked / "sessmig" / "__init__.py")
    assert "2 of 2 migrations applied" in (unpacked / "report.html").read_text(encoding="utf-8")
