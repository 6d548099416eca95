"""The peers: yoyo-migrations, alembic (raw SQL), sqlite-migrate, caribou, Django (RunSQL) and dbmate.

Knows how each wants its migrations written; each is given the same SQL, in the way its own pages show. A file that
is too big for a Python file is read by the migration: whole where the peer takes a script, else line by line.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from tests.bench.contenders import Contender, Place

# In a loop, as whoever has such a file would write it; the files hold one statement a line.
_STATEMENTS = """
def statements():
    with open({path!r}, encoding="utf-8") as file:
        yield from (line for line in file if not line.startswith("--"))
"""


class Yoyo(Contender):
    name = "yoyo"
    package = "yoyo-migrations"

    def command(self, place: Place) -> list[str]:
        program = str(place.environment.program("yoyo"))
        return [program, "apply", "--batch", "--no-config-file", "-d", place.url, str(place.series)]

    def call(self, place: Place) -> str:
        return (
            "import yoyo\n"
            f"backend = yoyo.get_backend({place.url!r}); migrations = yoyo.read_migrations({str(place.series)!r})\n"
            "with backend.lock():\n    backend.apply_migrations(backend.to_apply(migrations))"
        )


class Alembic(Contender):
    name = "alembic"
    package = "alembic"
    _ENV: ClassVar[str] = """
from alembic import context
from sqlalchemy import create_engine
with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
    _REVISION: ClassVar[str] = """
from alembic import op
revision, down_revision = {revision!r}, {before!r}
{statements}
def upgrade():
{upgrade}
"""
    # psycopg2 sends a script as it is; SQLite's driver takes one statement at a time.
    _WHOLE = "    op.get_bind().exec_driver_sql(open({path!r}, encoding='utf-8').read())"
    _EACH = "    for statement in statements():\n        op.get_bind().exec_driver_sql(statement)"

    def prepare(self, place: Place) -> None:
        versions = place.folder / "alembic" / "versions"
        versions.mkdir(parents=True)
        (versions.parent / "env.py").write_text(self._ENV, "utf-8")
        (place.folder / "alembic.ini").write_text(
            f"[alembic]\nscript_location = %(here)s/alembic\nsqlalchemy.url = {self._url(place)}\n", "utf-8"
        )
        before = None
        for number, file in enumerate(place.files(), 1):
            revision, path = f"{number:04}", str(file)
            statements, upgrade = "", self._WHOLE.format(path=path)
            if place.dialect == "sqlite":
                statements, upgrade = _STATEMENTS.format(path=path), self._EACH
            if not place.is_big:
                statements = ""
                lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("--")]
                upgrade = "\n".join(f"    op.execute({line!r})" for line in lines)
            text = self._REVISION.format(revision=revision, before=before, statements=statements, upgrade=upgrade)
            (versions / f"{file.stem}.py").write_text(text, "utf-8")
            before = revision

    def _url(self, place: Place) -> str:
        return place.url.replace("postgresql:", "postgresql+psycopg2:")

    def command(self, place: Place) -> list[str]:
        return [str(place.environment.program("alembic")), "upgrade", "head"]

    def call(self, place: Place) -> str:
        return (
            "from alembic import command, config\n"
            f"command.upgrade(config.Config({str(place.folder / 'alembic.ini')!r}), 'head')"
        )


class SqliteMigrate(Contender):
    name = "sqlite-migrate"
    dialects = ("sqlite",)
    package = "sqlite-migrate"

    def prepare(self, place: Place) -> None:
        text = "from sqlite_migrate import Migrations\nmigration = Migrations('bench')\n"
        for file in place.files():
            text += f"\n@migration()\ndef m{file.stem}(db):\n"
            if place.is_big:
                text += f"    with open({str(file)!r}, encoding='utf-8') as file:\n"
                text += "        for line in file:\n            db.execute(line)\n"
            else:
                lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("--")]
                text += "".join(f"    db.execute({line!r})\n" for line in lines)
        (place.folder / "migrations.py").write_text(text, "utf-8")

    def command(self, place: Place) -> list[str]:
        return [str(place.environment.program("sqlite-utils")), "migrate", place.database, "migrations.py"]

    def call(self, place: Place) -> str:
        return (
            f"import sys; sys.path.insert(0, {str(place.folder)!r})\n"
            "import sqlite_utils; from migrations import migration\n"
            f"migration.apply(sqlite_utils.Database({place.database!r}))"
        )


class Caribou(Contender):
    name = "caribou"
    dialects = ("sqlite",)
    package = "caribou"

    def prepare(self, place: Place) -> None:
        folder = place.folder / "caribou"
        folder.mkdir()
        for number, file in enumerate(place.files(), 1):
            lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("--")]
            body = "".join(f"    connection.execute({line!r})\n" for line in lines)
            text = ""
            if place.is_big:
                text = _STATEMENTS.format(path=str(file))
                body = "    for statement in statements():\n        connection.execute(statement)\n"
            text += f"\ndef upgrade(connection):\n{body}\ndef downgrade(connection):\n    pass\n"
            (folder / f"{20260101000000 + number}_{file.stem}.py").write_text(text, "utf-8")

    def command(self, place: Place) -> list[str]:
        return [str(place.environment.program("caribou")), "upgrade", place.database, "caribou"]

    def call(self, place: Place) -> str:
        return f"import caribou; caribou.upgrade({place.database!r}, {str(place.folder / 'caribou')!r})"


class Django(Contender):
    name = "Django"
    package = "Django"
    _MIGRATION: ClassVar[str] = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = {before!r}
    operations = [migrations.RunSQL({sql})]
"""

    def prepare(self, place: Place) -> None:
        folder = place.folder / "bench" / "migrations"
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder.parent / "__init__.py").touch()
        (place.folder / "bench_settings.py").write_text(self._settings(place), "utf-8")
        before: list[tuple[str, str]] = []
        for file in place.files():
            sql = f"open({str(file)!r}, encoding='utf-8').read()" if place.is_big else repr(file.read_text("utf-8"))
            (folder / f"{file.stem}.py").write_text(self._MIGRATION.format(before=before, sql=sql), "utf-8")
            before = [("bench", file.stem)]

    def _settings(self, place: Place) -> str:
        if place.dialect == "sqlite":
            database = {"ENGINE": "django.db.backends.sqlite3", "NAME": place.database}
        else:
            parts = urlsplit(place.database)
            database = {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username or "",
                "HOST": parts.hostname or "",
                "PORT": str(parts.port or ""),
            }
        return f"SECRET_KEY = 'bench'\nINSTALLED_APPS = ['bench']\nDATABASES = {{'default': {database!r}}}\n"

    def command(self, place: Place) -> list[str]:
        return [str(place.environment.python), "-m", "django", "migrate", "--settings=bench_settings", "--pythonpath=."]

    def call(self, place: Place) -> str:
        return (
            f"import os, sys; sys.path.insert(0, {str(place.folder)!r})\n"
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'bench_settings'\n"
            "import django; django.setup()\n"
            "from django.core.management import call_command; call_command('migrate', verbosity=0)"
        )


class Dbmate(Contender):
    name = "dbmate"
    package = "npm:dbmate"

    def prepare(self, place: Place) -> None:
        folder = place.folder / "dbmate"
        folder.mkdir()
        for file in place.files():
            with (folder / file.name).open("w", encoding="utf-8") as written, file.open(encoding="utf-8") as read:
                written.write("-- migrate:up\n")
                shutil.copyfileobj(read, written)
                written.write("\n-- migrate:down\n")

    def command(self, place: Place) -> list[str]:
        url = f"sqlite:{place.database}" if place.dialect == "sqlite" else f"{place.database}?sslmode=disable"
        options = ["--url", url, "--migrations-dir", "dbmate", "--no-dump-schema"]
        return [str(binary(place.environment.folder) or "dbmate"), *options, "migrate"]


def binary(folder: Path) -> Path | None:
    """Return dbmate's own program, without the script around it, where npm has brought one for this machine."""
    return next(iter(sorted(folder.glob("node_modules/@dbmate/*/bin/dbmate"))), None)


PEERS: tuple[Contender, ...] = (Yoyo(), Alembic(), SqliteMigrate(), Caribou(), Django(), Dbmate())
