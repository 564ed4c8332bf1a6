"""Dead letters at producers that run: they are asked, and told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zmqwork.cli.control import Control, id_of
from zmqwork.cli.letter_choice import Choice, Found
from zmqwork.errors import UsageError
from zmqwork.task_ids import task_id as parse


class LettersAtProducers:
    """See `letter_choice.Letters`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def find(self, choice: Choice, *, full: bool) -> Iterator[Found]:
        """As `Letters.find`."""
        for node, seqs in self._meant(choice):
            conditions = choice.conditions()
            if seqs is not None:
                conditions["tasks"] = seqs
            for row, payload in self._control.pages(node, "letters", full=full, **conditions):
                yield Found(id_of(node, row.get("seq")), row, payload)

    def revive(self, choice: Choice) -> list[str]:
        """As `Letters.revive`."""
        return self._order("revive", choice)

    def remove(self, choice: Choice) -> list[str]:
        """As `Letters.remove`."""
        return self._order("remove", choice)

    def edit(self, task_id: str, payload: bytes) -> str:
        """As `Letters.edit`."""
        prefix, seq = parse(task_id)
        node = self._producer(prefix)
        ordered = self._control.order(node, "edit", [payload], seq=seq)
        (new,) = ordered.value["tasks"]
        return id_of(node, new)

    def _order(self, verb: str, choice: Choice) -> list[str]:
        done = []
        for node, seqs in self._meant(choice):
            more = choice.conditions() if seqs is not None else {"all": True, **choice.conditions()}
            some = self._control.in_parts(node, verb, seqs, **more)
            done += [id_of(node, seq) for seq in some]
        return done

    def _meant(self, choice: Choice) -> Iterator[tuple[dict[str, Any], list[int] | None]]:
        if not choice.tasks:
            yield from ((node, None) for node in self._control.nodes("producer"))
        for prefix, seqs in choice.tasks.items():
            yield self._producer(prefix), seqs

    def _producer(self, prefix: str) -> dict[str, Any]:
        node = self._control.producer(prefix)
        if node is None:
            raise UsageError(
                f"no producer {prefix} answered: has it ended? Then --journal DIR, if it had one"
            )
        return node
