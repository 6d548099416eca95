"""The house: which module may import which, and what the public names are."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sessmig"

# The seven floors of the design; a number with a fraction is a part of its floor that stands on the other. A module
# imports only from lower floors; `left` (files and decisions) and `right` (databases) never import each other. A
# package named here is one module: what is inside may import each other.
FLOORS: dict[str, tuple[float, str]] = {
    "naming": (-0.2, "both"),
    "ledger_columns": (-0.2, "both"),
    "run_report": (0.25, "both"),
    "nothing": (0.35, "both"),
    "plain_series": (1.5, "left"),
    "databases.sqlite_uri": (0.5, "right"),
    "databases.sqlite_idle": (0.6, "right"),
    "databases.postgres_connecting": (0.5, "right"),
    "databases.postgres_remedies": (0.4, "right"),
    "databases.postgres_idle": (0.6, "right"),
    "databases.idle": (0.7, "right"),
    "turn": (0, "both"),
    "ended": (0, "both"),
    "idle": (5, "both"),
    "start": (5.5, "both"),
    "plain_migrate": (6, "both"),
    "group": (6.45, "both"),
    "merge": (-0.1, "both"),
    "batch": (-0.1, "both"),
    "index_act": (-0.1, "both"),
    "ledger_types": (0.1, "both"),
    "recorded": (0.3, "both"),
    "marks": (0.9, "left"),
    "histories": (2.1, "left"),
    "matching": (2.2, "left"),
    "history": (2.5, "left"),
    "lock_modes": (-0.1, "both"),
    "databases.scripting": (0.5, "both"),
    "databases.postgres_ties": (0.7, "right"),
    "databases.postgres_identity": (0.7, "right"),
    "reach": (1.1, "left"),
    "databases.postgres_answers": (0.5, "right"),
    "databases.postgres_scripting": (0.95, "right"),
    "databases.sqlite_scripting": (0.95, "right"),
    "colour": (0.9, "left"),
    "signed": (1.1, "left"),
    "recorder": (1.1, "left"),
    "preview": (4, "left"),
    "preview_facts": (4.1, "left"),
    "signing": (4.15, "left"),
    "countersign": (4.18, "left"),
    "folding": (4.1, "left"),
    "pair_files": (1.5, "left"),
    "signature": (3.6, "left"),
    "surrounding": (4.1, "left"),
    "preview_text": (4.2, "left"),
    "script_head": (4.1, "left"),
    "script_questions": (4.1, "left"),
    "scripted": (4.2, "left"),
    "plan_command": (6.4, "both"),
    "escapes": (0, "both"),
    "output_file": (0.5, "both"),
    "flow": (0.7, "left"),
    "logged": (4.1, "left"),
    "chronicle": (0.8, "left"),
    "runs": (4.2, "left"),
    "timeline": (4.3, "left"),
    "archive": (4.3, "left"),
    "digest": (4.4, "left"),
    "report_text": (4.5, "left"),
    "report_markdown": (4.5, "left"),
    "report_html": (5, "left"),
    "report_command": (6.3, "both"),
    "baseline": (4, "left"),
    "adopt": (4.1, "left"),
    "baseline_report": (4.2, "left"),
    "status_report": (1.1, "left"),
    "terminal": (0.9, "both"),
    "adopt_commands": (6.3, "both"),
    "existing": (5.5, "both"),
    "fitting": (-0.1, "both"),
    "halfway": (0.45, "both"),
    "stage": (1.6, "left"),
    "mended": (1.7, "left"),
    "ledger_rows": (2, "left"),
    "ledger_old": (2.9, "left"),
    "ledger_proof": (2.9, "left"),
    "ledger_rights": (2.9, "left"),
    "effect_sums": (1.1, "left"),
    "watching": (3, "left"),
    "kept_picture": (3, "left"),
    "standing": (3.7, "left"),
    "cutting": (3.75, "left"),
    "half_words": (1.7, "left"),
    "staging": (3.6, "left"),
    "batches": (3.7, "left"),
    "staged": (3.75, "left"),
    "wait": (-0.1, "both"),
    "model": (0, "both"),
    "blocker": (0, "both"),
    "waiting": (0, "both"),
    "retrying": (3.6, "left"),
    "databases.patient": (0.5, "both"),
    "databases.postgres_blockers": (0.8, "right"),
    "rows": (0.1, "both"),
    "results": (0.2, "both"),
    "rehearsal": (0.3, "both"),
    "errors": (0.4, "both"),
    "labels": (0, "both"),
    "quoting": (-0.1, "both"),
    "config": (0.6, "both"),
    "words": (0.6, "both"),
    "databases.saving": (0.5, "both"),
    "databases.alone": (0.5, "both"),
    "databases.contract": (0.6, "both"),
    "databases.ranges": (0.5, "both"),
    "databases.sqlite_turns": (0.5, "right"),
    "databases.sqlite_literals": (0.55, "right"),
    "databases.sqlite_keyset": (0.6, "right"),
    "databases.postgres_keyset": (0.7, "right"),
    "databases.postgres_replication": (0.7, "right"),
    "pace": (0, "left"),
    "batch_table": (3.1, "left"),
    "behind": (3.62, "left"),
    "unfit": (3.62, "left"),
    "unaccounted": (3.62, "left"),
    "batched": (3.65, "left"),
    "account_sums": (0.7, "left"),
    "throttle": (3.65, "left"),
    "stop": (0.5, "both"),
    "host": (0, "both"),
    "signals": (6.1, "both"),
    "databases.groups": (0.6, "right"),
    "databases.values": (0.5, "right"),
    "databases.sqlite_connection": (0.6, "right"),
    "databases.sqlite_file": (0.6, "right"),
    "databases.wire": (0.6, "right"),
    "databases.postgres_plans": (0.5, "right"),
    "databases.postgres_rows": (0.55, "right"),
    "databases.postgres_waits": (0.55, "right"),
    "databases.sqlite_merging": (0.6, "right"),
    "databases.sqlite_fingerprint": (0.6, "right"),
    "databases.sqlite_rehearsal": (0.8, "right"),
    "databases.postgres_fingerprint": (0.7, "right"),
    "databases.postgres_locks": (0.75, "right"),
    "databases.postgres_rehearsal": (0.8, "right"),
    "likeness": (1, "left"),
    "databases.postgres_merging": (0.8, "right"),
    "script": (1, "left"),
    "checks": (1, "left"),
    "directives": (1, "left"),
    "head": (1.2, "left"),
    "free_checks": (1.5, "left"),
    "generated": (1.4, "left"),
    "enforcement": (1.4, "left"),
    "sending": (2.5, "left"),
    "row_words": (0.9, "left"),
    "account_hints": (0.9, "left"),
    "allowance": (0.9, "left"),
    "course": (1.2, "left"),
    "declared": (1.2, "left"),
    "gone": (1.4, "left"),
    "stands": (1.3, "left"),
    "piece": (-0.1, "both"),
    "bundles": (1.1, "left"),
    "kinds": (1.1, "left"),
    "heirs": (1.35, "left"),
    "evidence": (1.4, "left"),
    "effects": (1.6, "left"),
    "looks": (1.6, "left"),
    "unset": (1.7, "left"),
    "losses": (1.8, "left"),
    "last_look": (1.8, "left"),
    "guard": (2, "left"),
    "plan": (1, "left"),
    "verdict": (1, "left"),
    "report": (1, "left"),
    "databases.postgres_settings": (0.8, "right"),
    "databases.postgres_catalogue": (0.8, "right"),
    "databases.postgres_connection": (0.8, "right"),
    "databases.postgres_lock": (0.8, "right"),
    "databases.postgres_exclusive": (0.9, "right"),
    "databases.postgres_running": (0.9, "right"),
    "databases.postgres_index": (0.8, "right"),
    "databases.postgres_building": (0.9, "right"),
    "databases.postgres_concurrently": (0.95, "right"),
    "databases.sqlite_sidecar": (0.8, "right"),
    "databases.sqlite_running": (0.9, "right"),
    "databases.sqlite_waiting": (0.9, "right"),
    "databases.postgres_deferred": (0.8, "right"),
    "databases.postgres_tables": (0.7, "right"),
    "databases.postgres_listing": (0.85, "right"),
    "databases.postgres_look": (0.82, "right"),
    "databases.postgres_watch": (0.84, "right"),
    "databases.postgres_sight": (0.87, "right"),
    "databases.postgres_faults": (0.8, "right"),
    "databases.sqlite_faults": (0.8, "right"),
    "databases.sqlite_keys": (0.7, "right"),
    "databases.sqlite_names": (0.5, "right"),
    "databases.sqlite_settings": (0.6, "right"),
    "databases.sqlite_reading": (0.6, "right"),
    "databases.sqlite_known": (0.55, "right"),
    "databases.sqlite_tables": (0.6, "right"),
    "databases.sqlite_listing": (0.7, "right"),
    "databases.sqlite_unset": (0.7, "right"),
    "databases.sqlite_reach": (0.7, "right"),
    "databases.sqlite_virtual": (0.7, "right"),
    "databases.sqlite_watch": (0.8, "right"),
    "databases.sqlite_broken": (0.7, "right"),
    "databases.sqlite_backup": (0.8, "right"),
    "databases.sqlite_damage": (0.7, "right"),
    "databases.sqlite_remedies": (0.5, "right"),
    "databases.sqlite_types": (0.6, "right"),
    "databases.postgres_children": (0.65, "right"),
    "databases.postgres_beside": (0.7, "right"),
    "databases.postgres_programs": (0.7, "right"),
    "databases.postgres_backup": (0.8, "right"),
    "databases.sqlite": (1, "right"),
    "databases.postgres": (1, "right"),
    "files": (1, "left"),
    "merge_heads": (1.5, "left"),
    "merge_sql": (1.5, "left"),
    "source": (2, "left"),
    "reading": (2, "left"),
    "proof": (2, "left"),
    "failure": (2, "left"),
    "terms": (1.1, "left"),
    "writes": (1.2, "left"),
    "touched": (1.5, "left"),
    "sources": (1.6, "left"),
    "accounts": (2, "left"),
    "ledger_tables": (2, "left"),
    "databases": (2, "right"),
    "databases.sqlite_throwaway": (0.7, "right"),
    "databases.postgres_throwaway": (0.9, "right"),
    "databases.throwaway": (2.1, "right"),
    "pytest_plugin": (7, "both"),
    "attempt": (3, "left"),
    "ledger": (3, "left"),
    "new": (3, "left"),
    "job": (3.5, "left"),
    "problems": (3.6, "left"),
    "backup_seal": (2.9, "left"),
    "backup_files": (3, "left"),
    "backup_room": (3.1, "left"),
    "backup_log": (3.6, "left"),
    "backup": (3.7, "left"),
    "backup_choice": (3.8, "left"),
    "restore": (4, "left"),
    "carrying": (3.8, "left"),
    "ledger_start": (3.75, "left"),
    "run": (4.2, "left"),
    "status": (4.2, "left"),
    "resign": (4, "left"),
    "undo": (4, "left"),
    "log": (4, "left"),
    "undoing": (4.1, "left"),
    "rollback": (4.2, "left"),
    "log_report": (4.2, "left"),
    "repeat": (4, "left"),
    "rehearse": (5, "left"),
    "rehearsal_report": (2, "left"),
    "progress": (5, "both"),
    "streams": (5, "both"),
    "hints": (6.1, "both"),
    "options": (6.2, "both"),
    "commands": (6.3, "both"),
    "backup_commands": (6.3, "both"),
    "back_commands": (6.3, "both"),
    "lint": (5, "left"),
    "lint_commands": (6.3, "both"),
    "cli": (6.5, "both"),
    "__init__": (6, "both"),
    "__main__": (6.6, "both"),
}


_WHOLE = ("script", "lint.")
"""Packages that are one module to all others."""


def _module(path: Path) -> str:
    """Return the name under which the floors know a file."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    name = ".".join(parts)
    return name.partition(".")[0] if name.startswith(_WHOLE) else name


def _imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "sessmig":
            base = node.module.partition(".")[2]
            for alias in node.names:
                full = f"{base}.{alias.name}".strip(".")
                found.add(_known(full) or _known(base) or "__init__")
        elif isinstance(node, ast.Import):
            found |= {
                _known(a.name.partition(".")[2]) or "__init__" for a in node.names if a.name.startswith("sessmig")
            }
    return found


def _known(name: str) -> str | None:
    if name.startswith(_WHOLE):
        return name.partition(".")[0]
    return name if name in FLOORS else None


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lower_floors(path: Path) -> None:
    module = _module(path)
    floor, side = FLOORS[module]
    for other in _imports(path) - {module}:
        if other == "__init__" and module not in ("group", "__main__", "pytest_plugin"):
            # Only for the version; everything else of the package's face stands above.
            assert "from sessmig import __version__" in path.read_text(encoding="utf-8")
            continue
        below, other_side = FLOORS[other]
        assert below < floor, f"{module} (floor {floor}) imports {other} (floor {below})"
        assert "both" in (side, other_side) or side == other_side, f"{module} ({side}) imports {other} ({other_side})"


def test_the_floors_name_every_module_and_no_other() -> None:
    assert {_module(path) for path in PACKAGE.rglob("*.py")} == FLOORS.keys()


def test_no_dialect_is_asked_for_outside_its_places() -> None:
    allowed = {"script", "source", "config", "new"}
    for path in PACKAGE.rglob("*.py"):
        module = _module(path)
        if module.startswith("databases") or module in allowed:
            continue
        text = path.read_text(encoding="utf-8")
        assert "dialect ==" not in text, f"{module} asks for the dialect"
        assert "dialect !=" not in text, f"{module} asks for the dialect"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_holds_one_idea_of_at_most_300_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    assert ast.get_docstring(ast.parse(text)), "a module opens with what it knows"


def test_every_public_name_is_there_and_every_error_is_public() -> None:
    sessmig = importlib.import_module("sessmig")
    errors = importlib.import_module("sessmig.errors")
    for name in sessmig.__all__:
        assert getattr(sessmig, name) is not None
    tree = {
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert tree <= set(sessmig.__all__)


def test_importing_sessmig_loads_neither_click_nor_sqlparse_nor_psycopg() -> None:
    code = (
        "import sys; import sessmig; from sessmig import ensure_migrations, aensure_migrations, SessmigError;"
        "print([m for m in ('click', 'sqlparse', 'psycopg', 'dotenv') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout == "[]\n"


def test_a_sqlite_run_loads_no_driver_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "0001_a.sql").write_text("CREATE TABLE a (x INTEGER);\n")
    code = (
        "import sys; from sessmig import ensure_migrations;"
        f"ensure_migrations({str(tmp_path / 'app.db')!r}, {str(tmp_path / 'shop')!r});"
        "print([m for m in ('click', 'sqlparse', 'psycopg', 'dotenv') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout == "[]\n"
