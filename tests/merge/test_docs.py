"""The pages on merges show only what was run and what is understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sessmig.databases.postgres_merging import unlike
from sessmig.merge import Merge
from sessmig.merge_sql import MergeSql
from sessmig.model import DIALECTS, Dialect
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.merge.moving import Probes
from tests.merge.reading import merges

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "merge.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`shop/([0-9a-z_.]+)`\n\n```sql\n(.*?)```", PAGE, flags=re.DOTALL))
OUTPUTS = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
SQL = {
    f"{path.name} {number}": text
    for path in sorted(DOCS.glob("*.md"))
    for number, text in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL))
}
EXAMPLES = {name: text for name, text in SQL.items() if "-- merge:" in text}


def test_the_example_gives_the_account_that_the_page_shows(migrations: WriteMigrations, cli: Cli) -> None:
    assert list(FILES) == ["0001_tables.sql", "0002_move.sql", "0002_move.verify.sql"]
    folder = migrations(FILES)
    done = cli("migrate", "--database", "app.db", "--dir", "shop", cwd=folder.parent)
    assert done.returncode == 0
    assert OUTPUTS[0] in done.stdout


def test_the_example_with_one_condition_more_fails_as_the_page_shows(
    migrations: WriteMigrations, cli: Cli, probe: Probes
) -> None:
    whole = "WHERE o.session IN (SELECT id FROM sessions)"
    bad = FILES["0002_move.sql"].replace(whole, f"{whole} AND o.body <> ''")
    assert bad != FILES["0002_move.sql"]
    folder = migrations(FILES | {"0002_move.sql": bad})
    done = cli("migrate", "--database", "app.db", "--dir", "shop", "--quiet", cwd=folder.parent)
    assert (done.returncode, done.stderr) == (3, OUTPUTS[1])
    database: Probe = probe(folder.parent / "app.db")  # type: ignore[arg-type]
    assert database.value("SELECT count(*) FROM messages") == 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_merge_in_the_docs_is_understood(name: str, dialect: Dialect, tmp_path: Path) -> None:
    assert merges(tmp_path, EXAMPLES[name], dialect)


def test_the_queries_that_the_page_shows_are_those_that_are_asked() -> None:
    (shown,) = [text for text in SQL.values() if text.startswith("SELECT count(*), count(CASE WHEN s.id IS NULL")]
    sql = MergeSql(Merge("old", "fresh", (("id", "id"),), Path("x"), 1, (("num", "num"),)), unlike)
    asked = [sql.totals(), sql.standing(), sql.arrived()]
    assert [" ".join(query.split()) for query in shown.split(";") if query.strip()] == asked
