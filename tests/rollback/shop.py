"""A series of three migrations that can all be rolled back, and looks at what the ledger says of them."""

from tests.fixtures.probe import Probe

FILES = {
    "0001_items.sql": "-- Items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO items VALUES (1, 'tea'), (2, 'cake');\n",
    "0001_items.rollback.sql": "-- sessmig: may-lose items\nDROP TABLE items;\n",
    "0002_prices.sql": "-- Prices\nCREATE TABLE prices (item_id INTEGER, price INTEGER);\n"
    "INSERT INTO prices SELECT id, 3 FROM items;\n",
    "0002_prices.rollback.sql": "-- sessmig: may-lose prices\nDROP TABLE prices;\n",
    "0003_stock.sql": "-- Stock\nCREATE TABLE stock (item_id INTEGER, number INTEGER);\n",
    "0003_stock.rollback.sql": "-- sessmig: may-lose stock\nDROP TABLE stock;\n",
}
TITLES = ["0001_items", "0002_prices", "0003_stock"]


def statuses(probe: Probe) -> list[tuple[int, str]]:
    """Return version and status of each ledger row."""
    return [(v, s) for v, s in probe.rows("SELECT version, status FROM schema_migrations ORDER BY version")]


def attempts(probe: Probe) -> list[tuple[str, int, str]]:
    """Return action, version and outcome of each row of the log."""
    return [
        (a, v, o) for a, v, o in probe.rows("SELECT action, version, outcome FROM schema_migrations_log ORDER BY id")
    ]
