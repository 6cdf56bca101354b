"""Erasures that could not be whole: what the store has of a person under a key that nobody knew to be theirs.

Somebody is erased by address while the store has rows under a platform's id alone, from a stream that names people by id. The
first record that names both tells whose id it was: it becomes a tombstone at once (gone.py), and what is stored under it
goes at the end of that pull.
"""

from __future__ import annotations

from persync.errors import ConnectionLockedError
from persync.store.gone import keys_due
from persync.store.locks import hold_all
from persync.store.privacy import erase
from persync.store.schema import DUE
from persync.store.store import Store
from persync.store.subjects import known_by


def complete(store: Store, *, now: int) -> bool:
    """Erase what is due; return whether nothing is left to do. While another pull runs it is left for the next one."""
    due = keys_due(store.db)
    if not due:
        return True
    names = [name for (name,) in store.db.execute("SELECT name FROM connections ORDER BY name")]
    try:
        with hold_all(store.path, names):  # a pull under way has people in its memory
            erase(store, [known_by(store, {key_id}) for key_id in due], now=now)
            with store.transaction() as db:
                db.execute("DELETE FROM meta WHERE name = ?", (DUE,))
    except ConnectionLockedError:
        return False
    return True
