"""`sessmig plan` shows what would run, in order, as one page; and writes nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from sessmig.colour import coloured, laid_out
from sessmig.folding import laid_out_lines
from tests.adopt.inside import Inside
from tests.fixtures.files import WriteMigrations
from tests.plan.pictures import Probes
from tests.plan.shop import BACK, MOVE, VERIFY

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


@pytest.fixture
def page(inside: Inside, database_url: str, shop: Path) -> str:
    done = inside("plan", "-d", database_url, "--dir", shop)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_page_names_the_steps_in_their_order_with_what_each_is(page: str) -> None:
    lines = page.splitlines()
    assert lines[1] == "2 migrations would run, 1 held, 0 applied"
    first, second = lines.index("1 of 2  0001_customers"), lines.index("2 of 2  0002_residents")
    assert first < second
    assert lines[first + 1] == "  Customers and their cities"
    assert lines[second + 1] == "  Each city to a table of its own"


def test_the_page_names_each_file_with_its_hash(page: str) -> None:
    for name, text in (("0002_residents", MOVE), ("0002_residents.verify", VERIFY), ("0002_residents.rollback", BACK)):
        assert re.search(rf"{_hash(text)}  \S+/{re.escape(name)}\.sql$", page, re.MULTILINE)


def test_the_page_says_what_a_step_may_lose_how_it_goes_back_and_what_it_asks(page: str, database_url: str) -> None:
    is_file = "sqlite" in database_url
    backup = "and no backup, as there is no database yet" if is_file else "only a backup, made with --backup"
    assert f"  way back   no rollback file; {backup}" in page
    assert "  may lose   nothing: what it loses undeclared rolls it back (the loss guard)" in page
    assert "  may lose   customers.city\n" in page
    assert "  way back   0002_residents.rollback.sql, 2 statements; it may lose rows of residents\n" in page
    assert "  asks       1 require, 3 measures, 5 checks, 1 warn, 1 merge\n" in page
    assert "  asks       nothing: there is no verify file\n" in page
    assert "  runs       2 statements, with the checks and the ledger row in one transaction\n" in page


def test_the_page_shows_each_line_of_a_file_with_its_number(page: str) -> None:
    for number, line in enumerate(MOVE.rstrip("\n").split("\n"), 1):
        assert f"  {number:2d}  {line}".rstrip() in page.splitlines()


def test_the_page_says_what_is_held_and_what_to_do(page: str) -> None:
    assert "not now: 0003_clean is held back: 7 days after 2, and sessmig has not applied 2\n" in page
    assert re.search(r"\nNothing was written\. To run it:\n-> sessmig migrate -d \S+ --dir \S+\n$", page)


def test_the_page_names_the_backup_that_a_run_begins_with(inside: Inside, sqlite_url: str, shop: Path) -> None:
    ensure_migrations(sqlite_url, shop, to=1, backup="never")
    page = inside("plan", "-d", sqlite_url, "--dir", shop, "--only", "3", "--ignore-wait").stdout
    assert "  way back   none (irreversible: nobody wants it back); only the backup that the run begins with\n" in page
    assert "\nIt begins with a backup. Nothing was written. To run it:\n" in page
    assert re.search(r"\n-> sessmig migrate -d \S+ --dir \S+ --only 3 --ignore-wait\n$", page)


def test_the_page_tells_the_locks_that_the_text_tells_on_postgresql(
    inside: Inside, postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "LOCK TABLE one, two IN SHARE MODE;\nUPDATE one SET x = 1;\nALTER TABLE two ADD y INT;\n"
            'CREATE TABLE own (id INT REFERENCES public."Three" (id));\nINSERT INTO own VALUES (1);\n'
            "CREATE INDEX ON four (x);\nTRUNCATE five;\nALTER TABLE six VALIDATE CONSTRAINT c;\nSELECT * FROM seven;\n"
            "ALTER TABLE eight ADD CONSTRAINT k FOREIGN KEY (x) REFERENCES nine (id);\nDROP INDEX ten;\n"
            "CREATE TRIGGER t AFTER INSERT ON eleven EXECUTE FUNCTION f();\nCOMMENT ON TABLE twelve IS 'x';\n"
        }
    )
    page = inside("plan", "-d", postgres_url, "--dir", folder).stdout
    found = re.findall(r"^  (?:locks   |        )   (.+): ([A-Z ]+) \(line (\d+)\), blocks (.+)$", page, re.MULTILINE)
    assert found == [
        ("two", "ACCESS EXCLUSIVE", "3", "reads and writes"),
        ("five", "ACCESS EXCLUSIVE", "7", "reads and writes"),
        ("the table of ten", "ACCESS EXCLUSIVE", "11", "reads and writes"),
        ('public."Three"', "SHARE ROW EXCLUSIVE", "4", "writes"),
        ("eight", "SHARE ROW EXCLUSIVE", "10", "writes"),
        ("nine", "SHARE ROW EXCLUSIVE", "10", "writes"),
        ("eleven", "SHARE ROW EXCLUSIVE", "12", "writes"),
        ("one", "SHARE", "1", "writes"),
        ("four", "SHARE", "6", "writes"),
        ("six", "SHARE UPDATE EXCLUSIVE", "8", "VACUUM, CREATE INDEX and changes to the table itself"),
        ("twelve", "SHARE UPDATE EXCLUSIVE", "13", "VACUUM, CREATE INDEX and changes to the table itself"),
    ]
    assert (
        "locks: as far as the text tells, and today's foreign keys, partitions and heirs; triggers, cascades," in page
    )


def test_the_page_says_how_a_step_of_several_commits_runs(
    inside: Inside, database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_batch.sql": "-- sessmig: batch t by id\nUPDATE t SET x = 1 WHERE id BETWEEN :first AND :last;\n",
            "0002_alone.sql": "-- sessmig: no-transaction\nVACUUM;\n",
            "0003_rows.sql": "-- sessmig: run-each-row\nSELECT 'x';\n",
        }
    )
    page = inside("plan", "-d", database_url, "--dir", folder).stdout
    assert "1 statement, in several commits; where it stops, the next run goes on; line 2 in ranges of t by id" in page
    guarded = (
        "nothing: an undeclared loss rolls back its statement, or its range of a batch, and what stands before stays"
    )
    assert f"  may lose   {guarded} (the loss guard)\n" in page
    assert f"  may lose   {guarded}; line 2, outside transactions, has no guard (the loss guard)\n" in page
    assert "; line 2 outside transactions\n" in page
    assert "; line 1: what its rows say is run too, and known only then\n" in page


def test_the_page_says_what_was_done_of_a_step_or_rolled_back(
    inside: Inside, database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "CREATE TABLE a (id INTEGER);\n",
            "0002_b.sql": "-- sessmig: no-transaction\nCREATE TABLE b (id INTEGER);\nCREATE TABLE b (id INTEGER);\n",
        }
    )
    place = ("-d", database_url, "--dir", folder)
    assert inside("migrate", *place, "--no-backup").returncode == 1
    page = inside("plan", *place).stdout
    assert "; half done: 1 of 2 statements, and it goes on there" in page
    words = "only a backup from before its first attempt: one that is made now is from the middle of it"
    assert f"  way back   no rollback file; {words}\n" in page
    again = migrations({"0001_a.sql": "CREATE TABLE c (id INTEGER);\n", "0001_a.rollback.sql": "DROP TABLE c;\n"}, "n")
    place = ("-d", database_url, "--dir", again)
    inside("migrate", *place, "--no-backup")
    assert inside("rollback", *place).returncode == 0
    assert "; it was applied and rolled back, and is applied again\n" in inside("plan", *place).stdout


FORMS = (("text",), ("sql",), ("json",), ("text", "--all"))


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_a_plan_writes_nothing(
    inside: Inside, database_url: str, shop: Path, probe: Probes, form: tuple[str, ...]
) -> None:
    ensure_migrations(database_url, shop, to=1, backup="never")
    path = Path(database_url.removeprefix("sqlite:///"))
    is_file = path.exists()
    before = path.read_bytes() if is_file else probe(database_url).snapshot(exclude=())
    around = sorted(path.parent.iterdir()) if is_file else []

    assert inside("plan", "-d", database_url, "--dir", shop, "--format", *form).returncode == 0

    assert (path.read_bytes() if is_file else probe(database_url).snapshot(exclude=())) == before
    assert (sorted(path.parent.iterdir()) if is_file else []) == around


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_a_plan_makes_no_database_and_no_ledger(
    inside: Inside, database_url: str, shop: Path, probe: Probes, form: tuple[str, ...]
) -> None:
    assert inside("plan", "-d", database_url, "--dir", shop, "--format", *form).returncode == 0
    assert probe(database_url).snapshot(exclude=()) in ({}, {"schema": {}, "rows": {}, "sequences": {}}) or (
        probe(database_url).tables() == set()
    )
    assert not Path(database_url.removeprefix("sqlite:///")).exists()


def _planned(inside: Inside, url: str, folder: Path, *options: str) -> list[str]:
    done = inside("plan", "-d", url, "--dir", folder, *options)
    assert done.returncode == 0, done.stderr
    return re.findall(r"^\d of \d  (\w+)$", done.stdout, re.MULTILINE)


def test_to_only_and_ignore_wait_choose_as_for_migrate(inside: Inside, sqlite_url: str, shop: Path) -> None:
    assert _planned(inside, sqlite_url, shop, "--to", "1") == ["0001_customers"]
    assert _planned(inside, sqlite_url, shop, "--only", "2") == ["0002_residents"]
    assert _planned(inside, sqlite_url, shop, "--ignore-wait") == ["0001_customers", "0002_residents", "0003_clean"]
    told = inside("plan", "-d", sqlite_url, "--dir", shop, "--ignore-wait").stdout
    words = "7 days after 2: held, as sessmig has not applied 2; --ignore-wait runs it all the same"
    assert f"  wait       {words}\n" in told
    assert (
        "not now: 0002_residents, which was not asked for"
        in inside("plan", "-d", sqlite_url, "--dir", shop, "--to", "1").stdout
    )
    both = inside("plan", "-d", sqlite_url, "--dir", shop, "--to", "1", "--only", "1")
    assert (both.returncode, both.stderr.splitlines()[0]) == (2, "both --to and --only are given")


def test_allow_late_and_ahead_are_as_for_migrate(
    inside: Inside, sqlite_url: str, shop: Path, migrations: WriteMigrations
) -> None:
    ensure_migrations(sqlite_url, shop, backup="never")
    (shop / "0002_residents.sql").rename(shop / "0000_residents.sql")
    for path in (*shop.glob("0002*"), *shop.glob("0003*")):
        path.unlink()
    assert inside("plan", "-d", sqlite_url, "--dir", shop, "--allow-late").returncode == 4
    assert inside("plan", "-d", sqlite_url, "--dir", shop, "--ahead", "ok").returncode == 4
    assert _planned(inside, sqlite_url, shop, "--allow-late", "--ahead", "ok") == ["0000_residents"]


def test_where_nothing_is_pending_it_says_so(inside: Inside, database_url: str, shop: Path) -> None:
    ensure_migrations(database_url, shop, backup="never")
    done = inside("plan", "-d", database_url, "--dir", shop)
    assert done.stdout.splitlines()[1] == "nothing would run, 1 held, 2 applied"
    assert "To run it" not in done.stdout


def test_a_plan_with_a_problem_is_refused_as_a_run_is(inside: Inside, database_url: str, shop: Path) -> None:
    ensure_migrations(database_url, shop, to=1, backup="never")
    (shop / "0001_customers.sql").write_text("SELECT 1;\n")
    done = inside("plan", "-d", database_url, "--dir", shop)
    assert done.returncode == 4
    assert "0001_customers.sql: changed after it was applied" in done.stderr


def _bare(sql: str) -> str:
    return "".join(sql.split()).rstrip(";")


def test_all_shows_what_a_run_sends(inside: Inside, sqlite_url: str, shop: Path) -> None:
    page = inside("plan", "-d", sqlite_url, "--dir", shop, "--to", "2", "--all").stdout
    sent: list[str] = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_trace_callback(sent.append)
        ensure_migrations(connection, shop, to=2)
    known = {_bare(one) for one in sent}
    parts = re.findall(r"^  \+ (.+)\n((?:     .*\n)+)", page, re.MULTILINE)
    titles = [title for title, _ in parts]
    assert titles[0] == "the ledger, in a transaction of its own"
    assert sum(title == "the transaction, which begins with the lock" for title in titles) == 2
    assert any(title.startswith("check: nobody went (") for title in titles)
    assert any(title.startswith("merge ") and title.endswith(", before the statements") for title in titles)
    shown = [text for title, text in parts if not title.startswith(("the ledger row", "merge"))]
    statements = [one for text in shown for one in re.split(r";\n", text) if one.strip()]
    asked = [one for one in statements if ":" not in one]
    assert len(asked) > 30
    assert [one for one in asked if _bare(one) not in known] == []


def test_all_shows_the_lock_and_the_readers_savepoint_on_postgresql(
    inside: Inside, postgres_url: str, shop: Path
) -> None:
    page = inside("plan", "-d", postgres_url, "--dir", shop, "--all").stdout
    assert "SELECT pg_try_advisory_xact_lock(" in page
    assert "SET LOCAL transaction_read_only = on;" in page
    assert "SET CONSTRAINTS ALL IMMEDIATE;" in page
    assert "+ the ledger row, and the log's" in page


def test_all_stands_where_it_is_sent_and_says_what_of_the_file_is_not(
    inside: Inside, postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "CREATE TABLE a (id INT PRIMARY KEY, x TEXT);\nCREATE TABLE b (id INT PRIMARY KEY);\n",
            "0002_b.sql": "BEGIN;\nLOCK TABLE a,\n    b IN SHARE MODE;\nINSERT INTO b SELECT id FROM a;\nCOMMIT;\n",
            "0002_b.verify.sql": "-- merge: a into b on id\n-- reject: empty where x IS NULL\n"
            "\n-- check: as before\n-- expect: same\nSELECT count(*) FROM a;\n",
        }
    )
    ensure_migrations(postgres_url, folder, to=1)
    page = inside("plan", "-d", postgres_url, "--dir", folder, "--all").stdout
    order = [
        "SET LOCAL lock_timeout = ",
        "  1  BEGIN;",
        "  + BEGIN in line 1 is not sent: sessmig's own is",
        "  3      b IN SHARE MODE;",
        "  + check: as before (",
        ", before the statements",
        "+ merge a into b, where there are such rows (it takes the right to make temporary tables)",
        "  4  INSERT INTO b",
        "  5  COMMIT;",
        "  + COMMIT in line 5 is not sent: sessmig's own is",
        ", behind the statements",
        "k.rule > 0",
        "k.stood = 0",
        "k.stood = 1",
        "DROP TABLE IF EXISTS sessmig_merge_1;",
        "  + the ledger row",
    ]
    at = 0
    for part in order:
        assert part in page[at:], part
        at = page.index(part, at)
    assert "but for the loss guard's own queries" in page


def test_all_is_for_the_page_alone(inside: Inside, sqlite_url: str, shop: Path) -> None:
    done = inside("plan", "-d", sqlite_url, "--dir", shop, "--all", "--json")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "--all with --format json")


@pytest.fixture
def on_terminal(sqlite_url: str, shop: Path) -> Callable[..., str]:
    """The page as a terminal of so many columns shows it."""

    def run(columns: int, **env: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
        command = [sys.executable, "-m", "sessmig", "plan", "-d", sqlite_url, "--dir", str(shop), "--all"]
        process = subprocess.Popen(command, stdout=theirs, env={**clean, "TERM": "xterm", **env})
        os.close(theirs)
        found = b""
        try:
            while piece := os.read(ours, 65536):
                found += piece
        except OSError:  # how Linux says that the other end was closed
            pass
        os.close(ours)
        assert process.wait(60) == 0
        return found.decode().replace("\r\n", "\n")

    return run


def _page(text: str) -> list[str]:
    """The lines, but for the command at the end, which is to be pasted whole."""
    return [line for line in text.splitlines() if not line.startswith("-> ")]


def test_a_terminal_has_colours_and_its_width(on_terminal: Callable[..., str]) -> None:
    text = on_terminal(60)
    assert "\x1b[1;34mINSERT\x1b[0m" in text
    assert "\x1b[2m-- Each city to a table of its own\x1b[0m" in text
    assert max(len(_COLOUR.sub("", line)) for line in _page(text)) <= 60


def test_no_colour_has_none_and_columns_is_the_width(on_terminal: Callable[..., str]) -> None:
    text = on_terminal(200, NO_COLOR="1", COLUMNS="70")
    assert "\x1b" not in text
    assert 60 < max(len(line) for line in _page(text)) <= 70


def test_a_dumb_terminal_has_no_colours(on_terminal: Callable[..., str]) -> None:
    assert "\x1b" not in on_terminal(80, TERM="dumb")


def test_a_folded_line_is_marked_and_its_parts_are_the_line() -> None:
    blank = " " * 53
    for line in (
        "SELECT 1; -- this comment is long, and behind its fold stands something like DELETE FROM customers;",
        f"SELECT 'a{blank}b', 'c' AS d FROM customers WHERE name = 'x';",
        "INSERT INTO customers (id, name) VALUES (1, 'some text that is long'), (2, 'some other text that is too');",
    ):
        for width in (40, 43, 60, 80):
            shown = list(laid_out_lines(line, "sqlite", width=width, coloured=False, numbered=True))
            assert {number for number, _ in shown} == {1}
            pieces = [text for _, text in shown]
            assert [text[:6] for text in pieces] == ["   1  ", *["  ..  "] * (len(pieces) - 1)]
            assert "".join(text[6:] for text in pieces) == line
            assert max(map(len, pieces)) <= width
            painted = [text for _, text in laid_out_lines(line, "sqlite", width=width, coloured=True, numbered=True)]
            assert [_COLOUR.sub("", text) for text in painted] == pieces
            if "--" in line:  # what goes on of a comment has its colour, and no other
                assert all(_COLOUR.findall(text) == ["\x1b[2m", "\x1b[0m"] for text in painted[2:])


def test_a_tab_in_a_literal_is_seen_and_one_outside_is_blanks() -> None:
    text = "\tSELECT 'a\tb',\t$$\tc$$;"
    (shown,) = laid_out_lines(text, "postgres", width=None, coloured=False, numbered=True)
    assert shown == (1, r"  1      SELECT 'a\tb',  $$  c$$;")


def test_a_line_end_in_a_folders_name_is_seen(inside: Inside, sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": "SELECT 1;\n"}, "odd\nname")
    page = inside("plan", "-d", sqlite_url, "--dir", folder, "--series", "s").stdout.partition("To run it:")[0]
    assert r"/odd\nname/0001_a.sql" in page


def test_what_is_no_terminal_has_neither_colours_nor_a_width(page: str) -> None:
    assert "\x1b" not in page
    assert "INSERT INTO customers (id, name, city) VALUES (1, 'Ada', 'London'), (2, 'Bob', NULL), (3, 'Ö; " in page


def test_a_text_that_sqlparse_cannot_take_stays_as_it_is() -> None:
    long = "SELECT 1 -- x\n" * 4000
    assert coloured(long) == long
    assert coloured(long[:1400]) != long[:1400]
    assert laid_out(f"SELECT {', '.join(map(str, range(6000)))}").count("\n") == 0
    deep = "SELECT " + "(" * 3000 + "1" + ")" * 3000
    assert laid_out(deep).split() == deep.split()


def test_control_characters_of_a_file_are_shown_and_not_sent_to_the_terminal(
    inside: Inside, sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_a.sql": "-- Red \x1b[31m\nSELECT '\x1b]0;x\x07';\n"})
    page = inside("plan", "-d", sqlite_url, "--dir", folder).stdout
    assert "\x1b" not in page
    assert r"1  -- Red \x1b[31m" in page
    assert r"2  SELECT '\x1b]0;x\x07';" in page


def test_out_writes_by_the_files_ending_and_format_overrules_it(
    inside: Inside, sqlite_url: str, shop: Path, tmp_path: Path
) -> None:
    for name, begin, more in (
        ("a.sql", "-- shop: 2 migrations for ", ()),
        ("a.json", '{\n  "kind": "sessmig plan"', ()),
        ("a.txt", "shop on ", ()),
        ("b.txt", "-- shop: 2 migrations for ", ("--format", "sql")),
    ):
        done = inside("plan", "-d", sqlite_url, "--dir", shop, "--out", tmp_path / name, *more)
        assert done.stdout.startswith(f"wrote {tmp_path / name}, ")
        assert (tmp_path / name).read_text().startswith(begin)
    both = inside("plan", "-d", sqlite_url, "--dir", shop, "--json", "--format", "sql")
    assert (both.returncode, both.stderr.splitlines()[0]) == (2, "both --json and --format sql are given")


def test_no_password_is_in_a_plan_of_any_form(
    inside: Inside, postgres_server: object, postgres_url: str, shop: Path
) -> None:
    url = postgres_url.replace("postgres@", "postgres:s3cr3t@")
    for form in FORMS:
        done = inside("plan", "-d", url, "--dir", shop, "--format", *form)
        assert done.returncode == 0, done.stderr
        assert "s3cr3t" not in done.stdout + done.stderr
