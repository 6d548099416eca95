"""The pytest plugin: `sessmig_database` is a database that was migrated once, copied for each test that asks for it.

Knows pytest, and where settings come from; how databases are made and copied is known below. Every pytest run that
finds sessmig installed loads this module, so it imports nothing before a test asks for one of its fixtures.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sessmig.config import Settings
    from sessmig.errors import SessmigError

SERVER = "SESSMIG_TEST_SERVER"
_TOLD = pytest.StashKey[set[str]]()
_OWN = "This was a database of the tests' own, and it is gone."


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings."""
    told = "the folder of the migrations that sessmig_database has; several are applied in their order"
    parser.getgroup("sessmig").addoption("--sessmig-dir", action="append", metavar="DIR", help=told)
    parser.addini("sessmig_dir", f"{told} [else: as the command sessmig finds it]", type="paths", default=[])
    server = f"where sessmig_database is made: sqlite, or the URL of a PostgreSQL server's database [{SERVER}; sqlite]"
    parser.addini("sessmig_server", server, default="")


@pytest.fixture(scope="session")
def sessmig_dirs(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The folders of migrations that `sessmig_database` has, in the order in which they are applied.

    `--sessmig-dir`, else `sessmig_dir` in pytest's settings, else as the command `sessmig` finds it. Override it to
    choose others.
    """
    if given := pytestconfig.getoption("sessmig_dir"):
        return tuple(pytestconfig.invocation_params.dir / folder for folder in given)
    if written := pytestconfig.getini("sessmig_dir"):
        return tuple(written)
    with _telling(pytestconfig, tmp_path_factory.getbasetemp(), "the settings cannot be read"):
        return (pytestconfig.rootpath / (_settings(pytestconfig).dir or "sql"),)


@pytest.fixture(scope="session")
def sessmig_server(pytestconfig: pytest.Config) -> str:
    """Where `sessmig_database` is made: `sqlite`, or the URL of any database on a PostgreSQL server.

    SESSMIG_TEST_SERVER, else `sessmig_server` in pytest's settings, else `sqlite`. Override it for a server that the
    tests start; with `params=` the tests run once on each.
    """
    import os

    from sessmig.databases.throwaway import Url

    server = os.environ.get(SERVER) or pytestconfig.getini("sessmig_server") or "sqlite"
    return Url(server) if "://" in server else str(server)


@pytest.fixture(scope="session")
def sessmig_start(
    sessmig_server: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of the database as it stands before the first migration: empty. Override it to load older tables."""
    from sessmig.databases.throwaway import empty

    base = tmp_path_factory.getbasetemp()
    with ExitStack() as stack:
        with _telling(pytestconfig, base, "no database could be made for the tests"):
            url = stack.enter_context(empty(sessmig_server, base))
        yield url


@pytest.fixture(scope="session")
def sessmig_template(
    sessmig_start: str,
    sessmig_dirs: tuple[Path, ...],
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The URL of the database that is copied, migrated once a session. Override it to add rows that all tests need.

    Under pytest-xdist each worker has one of its own.
    """
    with _telling(pytestconfig, tmp_path_factory.getbasetemp(), "the migrations failed on the tests' own database"):
        _migrate(sessmig_start, sessmig_dirs, _settings(pytestconfig))
    return sessmig_start


@pytest.fixture
def sessmig_database(
    sessmig_template: str,
    sessmig_server: str,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The URL of a migrated database of the test's own; it is gone when the test ends."""
    from sessmig.databases.throwaway import copied

    base = tmp_path_factory.getbasetemp()
    with ExitStack() as stack:
        with _telling(pytestconfig, base, "no database could be made for this test"):
            url = stack.enter_context(copied(sessmig_template, sessmig_server, base))
        yield url


def _settings(config: pytest.Config) -> Settings:
    """Read what the command line would, but for the database: that one is nobody's to test on."""
    from sessmig.config import find_settings

    return find_settings({}, config.rootpath)


def _migrate(url: str, folders: tuple[Path, ...], settings: Settings) -> None:
    from sessmig import ensure_migrations
    from sessmig.config import TABLE
    from sessmig.errors import UsageError

    if settings.series and len(folders) > 1:
        raise UsageError(
            f"the setting series = {settings.series!r} names one series, and there are {len(folders)} folders",
            remedy="Take it away: each series is then named after its folder.",
        )
    here = Path.cwd()
    for folder in folders:
        shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
        ensure_migrations(url, shown, series=settings.series, table=settings.table or TABLE, backup="never")


@contextmanager
def _telling(config: pytest.Config, base: Path, what: str) -> Iterator[None]:
    """Turn an error of sessmig into a failure without a traceback: whole where it comes first, then in one line."""
    from sessmig.errors import SessmigError

    try:
        yield
    except SessmigError as error:
        short = f"{what}: see the first test that failed for it"
        if not _is_first(config, base, f"{what}\n{error}"):
            raise pytest.fail.Exception(short, pytrace=False) from None
        failure = pytest.fail.Exception(f"{what}\n\n{_whole(error)}", pytrace=False)
        # Only now: a run in which nothing fails has none of this.
        config.pluginmanager.register(_Once(failure, short))
        raise failure from None


class _Once:
    """Shows a failure whole for one test: pytest raises that of a session's fixture for each that asks for it."""

    def __init__(self, failure: BaseException, short: str) -> None:
        self._failure = failure
        self._short = short
        self._is_told = False

    @pytest.hookimpl(hookwrapper=True)  # as pytest 7 knows it too
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
        outcome = yield
        if call.excinfo is not None and call.excinfo.value is self._failure:
            if self._is_told:
                outcome.get_result().longrepr = self._short
            self._is_told = True


def _is_first(config: pytest.Config, base: Path, text: str) -> bool:
    """Tell whether a failure was told in this run by none of its processes; it is from now on."""
    import re
    from hashlib import sha256

    # The databases' names differ, and under pytest-xdist the folders of the workers.
    same = re.sub(r"(\S*/)?sessmig_pytest_\w+(/\S*)?", "", text)
    digest = sha256(same.encode()).hexdigest()[:16]
    told = config.stash.setdefault(_TOLD, set())
    if digest in told:
        return False
    told.add(digest)
    if not hasattr(config, "workerinput"):
        return True
    try:
        (base.parent / f"sessmig_told_{digest}").open("x").close()
    except FileExistsError:
        return False
    return True


def _whole(error: SessmigError) -> str:
    """Put it as the command line does: what was done until then, what went wrong, what the database holds."""
    from sessmig.report import text_lines

    report = error.report
    done = report is not None and any(step.outcome != "failed" for step in report.steps)
    lines = [*text_lines(report, rows_of={"warned"}), ""] if report is not None and done else []
    return "\n".join([*lines, str(error), *([_OWN] if report is not None else [])])
