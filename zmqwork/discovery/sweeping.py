"""Keeps zeroconf's cache clear of what floods leave in it.

Its cache holds 10,000 records; then the one goes whose time is up first. It gives each name of a
service 19 minutes at least, and an address has two: a flood of names leaves no room for the address
that comes with the next honest one. Measured: for minutes after it, nobody new was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zeroconf import (  # type: ignore[attr-defined]  # all of them are in its documentation
    DNSCache,
    DNSPointer,
    DNSRecord,
    DNSService,
)

# A thousand nodes with all that is told of them, and as much of others again.
RECORDS_MAX = 6_000


def sweep(cache: DNSCache, names: Iterable[str]) -> bool:
    """Drop what is not about these instances; False, and nothing is done, if there is room.

    For the thread that the cache belongs to. Dropped records come again when they are announced.
    """
    if sum(map(len, cache.cache.values())) <= RECORDS_MAX:
        return False
    wanted = {name.lower() for name in names}
    # Their addresses go by the name of their server.
    wanted |= {
        record.server_key
        for record in _records(cache)
        if isinstance(record, DNSService) and record.key in wanted
    }
    cache.async_remove_records([it for it in _records(cache) if _subject(it) not in wanted])
    return True


def _records(cache: DNSCache) -> Iterator[DNSRecord]:
    for records in cache.cache.values():
        yield from records


def _subject(record: DNSRecord) -> str:
    return record.alias.lower() if isinstance(record, DNSPointer) else record.key
