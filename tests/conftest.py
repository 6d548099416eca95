"""Names the fixtures; each lives in a plug-in of its own below `tests/fixtures`."""

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.pgbouncer",
    "tests.fixtures.databases",
    "tests.fixtures.files",
    "tests.fixtures.processes",
    "tests.fixtures.skips",
]
