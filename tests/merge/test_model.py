"""An independent model of the account, in Python: for random sources and targets both reckon the same."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from sessmig import CheckError
from sessmig.results import Account
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.merge.moving import Probes, files
from tests.run.doing import migrate

Key = tuple[int, str]
Values = tuple[str | None, int | None]
Rows = dict[Key, Values]

VERIFY = """-- merge: src into dst on a, b comparing v, n
-- reject: odd where a = 1
-- reject: low where n < 1
-- differing: keep
"""
TABLES = """
CREATE TABLE src (a INTEGER NOT NULL, b TEXT NOT NULL, v TEXT, n INTEGER, PRIMARY KEY (a, b));
CREATE TABLE dst (a INTEGER NOT NULL, b TEXT NOT NULL, v TEXT, n INTEGER, PRIMARY KEY (a, b));
"""


@dataclass(frozen=True)
class Case:
    """What stands before a step, and what the target holds after it."""

    source: Rows
    target: Rows
    after: Rows

    def step(self) -> str:
        lines = ["DELETE FROM dst;"] if self.target else []
        return "-- sessmig: may-lose dst\n" + "\n".join([*lines, *_inserts("dst", self.after), "SELECT 1;", ""])


def _inserts(table: str, rows: Rows) -> list[str]:
    return [f"INSERT INTO {table} VALUES ({a}, '{b}', {_sql(v)}, {_sql(n)});" for (a, b), (v, n) in rows.items()]


def _sql(value: str | int | None) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def _case(seed: int) -> Case:
    """Make rows up from few keys and values, so that every class comes; most steps are right, some lose something."""
    chance = random.Random(seed)
    keys = [(a, b) for a in range(4) for b in "pq "]

    def values() -> Values:
        return chance.choice([None, "", "x", "X"]), chance.choice([None, 0, 1, 2])

    source = {key: values() for key in keys if chance.random() < 0.6}
    target = {key: values() if chance.random() < 0.5 else source.get(key, values()) for key in keys[::2]}
    target = {key: row for key, row in target.items() if chance.random() < 0.5}
    after = target | {key: row for key, row in source.items() if key not in target and not _rule(key, row)}
    for _ in range(chance.choice([0, 0, 1, 2])):
        key = chance.choice(keys)
        if chance.random() < 0.5:
            after.pop(key, None)
        else:
            after[key] = values()
    return Case(source, target, after)


def _rule(key: Key, row: Values) -> str:
    return "odd" if key[0] == 1 else "low" if row[1] is not None and row[1] < 1 else ""


def _expected(case: Case) -> tuple[bool, tuple[int, int, int, int, int]]:
    """Reckon source, inserted, identical, differing, missing; and whether it all holds."""
    new = {key: row for key, row in case.source.items() if not _rule(key, row)}
    identical = {key for key, row in new.items() if case.target.get(key) == row}
    differing = {key for key in new if key in case.target and key not in identical}
    missing = {key for key in new.keys() - differing if key not in case.after}
    changed = {key for key in new.keys() - differing - missing if case.after[key] != new[key]}
    stood = {key for key in case.source if key in case.target and (_rule(key, case.source[key]) or key in differing)}
    overwritten = {key for key in stood if case.after.get(key) != case.target[key]}
    rejected = {key for key in case.source if _rule(key, case.source[key])}
    overruled = {key for key in rejected - stood if key in case.after}
    inserted = len(new) - len(identical) - len(differing) - len(missing)
    holds = not (missing or changed or overwritten or overruled)
    return holds, (len(case.source), max(inserted, 0), len(identical), len(differing), len(missing))


@pytest.mark.parametrize("seed", range(100))
def test_the_account_is_the_models(seed: int, database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    case = _case(seed)
    database = probe(database_url)
    database.execute(TABLES + "".join([*_inserts("src", case.source), *_inserts("dst", case.target)]))
    account = _account(database_url, migrations, case)
    holds, figures = _expected(case)
    assert (account.outcome == "passed") == holds, account.found
    found = (account.source, account.inserted, account.identical, account.differing, account.missing)
    assert found == figures
    rules = [_rule(key, row) for key, row in case.source.items()]
    assert account.rejected == (("odd", rules.count("odd")), ("low", rules.count("low")))
    assert _target(database) == (case.after if holds else case.target)


def test_the_random_cases_hold_every_outcome() -> None:
    found = [_expected(_case(seed)) for seed in range(100)]
    assert 20 < sum(holds for holds, _ in found) < 80
    assert all(sum(figures[n] > 0 for _, figures in found) > 5 for n in range(5))


def _account(url: str, migrations: WriteMigrations, case: Case) -> Account:
    try:
        (account,) = migrate(url, files(migrations, case.step(), VERIFY)).steps[-1].merges
    except CheckError as error:
        if error.report is None:
            raise
        (account,) = error.report.steps[-1].merges
    return account


def _target(database: Probe) -> Rows:
    return {(a, b): (v, n) for a, b, v, n in database.rows("SELECT a, b, v, n FROM dst")}
