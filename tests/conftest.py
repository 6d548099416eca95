"""Names the fixtures; each lives in a plug-in of its own below `tests/fixtures`."""

from hypothesis import HealthCheck, settings

# How busy the machine is says nothing about the program.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.pgbouncer",
    "tests.fixtures.browser",
    "tests.fixtures.databases",
    "tests.fixtures.files",
    "tests.fixtures.processes",
    "tests.fixtures.programs",
    "tests.fixtures.skips",
]
