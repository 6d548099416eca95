"""The errors' reference says what is really said: each is brought about here, and none is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.errors.cases import GROUPS
from tests.errors.elsewhere import PROVOKED, UNMET
from tests.errors.page import MENDED, PAGE, entries, rarer
from tests.errors.raised import Made, made
from tests.errors.scene import Case, Place, play
from tests.fixtures.processes import Cli

CASES = [case for cases in GROUPS.values() for case in cases]
ENTRIES = entries()
MADE = list(made())
TESTS = Path(__file__).parents[1]
AGAIN = "the page is written anew by: python -m tests.errors.page"


def _shown(one: Made) -> bool:
    pattern = one.pattern()
    return any(pattern.search(told.text) for told in ENTRIES.values())


def _listed(one: Made, words: dict[str, str]) -> bool:
    return any(part in one.template for part in words)


@pytest.mark.parametrize("case", [case for case in CASES if not case.postgres], ids=lambda case: case.title)
def test_an_error_says_what_the_reference_shows(case: Case, tmp_path: Path) -> None:
    assert play(case, Place(tmp_path)) == ENTRIES[case.title], AGAIN


@pytest.mark.parametrize("case", [case for case in CASES if case.postgres], ids=lambda case: case.title)
def test_an_error_on_postgresql_says_what_the_reference_shows(
    case: Case, tmp_path: Path, new_postgres_url: Callable[[], str]
) -> None:
    assert play(case, Place(tmp_path, new_postgres_url())) == ENTRIES[case.title], AGAIN


def test_the_reference_has_each_case_once_and_no_other() -> None:
    titles = [case.title for case in CASES]
    assert len(set(titles)) == len(titles)
    assert list(ENTRIES) == titles, AGAIN


def test_every_error_of_the_reference_says_what_to_do() -> None:
    silent = [title for title, told in ENTRIES.items() if "\n" not in told.text]
    assert silent == ["differing is fail or keep"]  # which says it in the same line


def test_every_text_that_sessmig_has_for_an_error_stands_in_the_reference() -> None:
    left_out = [one for one in MADE if not _shown(one) and not _listed(one, PROVOKED | UNMET)]
    assert not left_out, "\n".join(f"{one.where}: {one.template}" for one in left_out)


def test_an_error_that_another_test_brings_about_is_held_there_to_its_words() -> None:
    for words, name in PROVOKED.items():
        text = (TESTS / name).read_text(encoding="utf-8")
        assert words[:30] in text, f"{name} does not speak of: {words}"


def test_the_lists_of_errors_shown_elsewhere_and_of_those_that_cannot_be_have_no_stale_line() -> None:
    for words in PROVOKED | UNMET:
        assert any(words in one.template and not _shown(one) for one in MADE), words


def test_the_rarer_errors_stand_in_the_reference_as_the_code_has_them() -> None:
    assert rarer() in PAGE.read_text(encoding="utf-8"), AGAIN


def test_what_is_said_where_a_statement_fails_is_what_the_rarer_errors_say_too() -> None:
    assert ENTRIES["A statement fails"].text.endswith(MENDED)


def test_without_its_driver_postgresql_is_refused_with_the_way_out(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "0001_a.sql").write_text("SELECT 1;\n")
    done = cli("status", "-d", "postgresql://localhost/shop", "--dir", "shop", env={"PSYCOPG_IMPL": "none"})
    assert done.returncode == 1
    assert done.stderr.startswith("PostgreSQL cannot be reached: ")
    assert done.stderr.endswith("Install the driver with its library: pip install 'sessmig[binary]'\n")
