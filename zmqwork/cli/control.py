"""Letting nodes do something: what the commands that order have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from zmqwork.cli import exits
from zmqwork.cli.output import complain, counted
from zmqwork.cli.parser import Parser, add_output, add_search, seconds
from zmqwork.cli.survey import Search, Survey, name_reasons
from zmqwork.cli.target import load_app
from zmqwork.core.orders import DONE, ORDER_TASKS_MAX, UNKNOWN_TASK, Ordered
from zmqwork.errors import UsageError, ZmqworkError
from zmqwork.escaping import printable
from zmqwork.nodes.observer import Observer

# Realms in which nodes are ordered at the same time: each costs some threads and descriptors.
_REALMS_MAX = 16

# Rows of one page.
_PAGE = 500


def add_control(parser: Parser) -> None:
    """Add what all commands have that order: whom, how long to wait, what to print."""
    add_output(parser)
    add_patience(parser)
    add_search(parser, realm="look in this realm only")


def add_patience(parser: Parser) -> None:
    """Add ``--app`` and ``--timeout``."""
    parser.add_argument(
        "--app", metavar="MODULE:APP", help="look in the realm of this app: thumbs:app"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=5.0,
        metavar="SECONDS",
        help="how long a node may take to answer (default: 5)",
    )


class Disobeyed(ZmqworkError):
    """A node did not do what it was told to.

    Attributes:
        ordered: what it said.
    """

    def __init__(self, node: dict[str, Any], ordered: Ordered) -> None:
        super().__init__(f"{who(node)}: {printable(ordered.text or ordered.code)}")
        self.ordered = ordered

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return exits.UNKNOWN_TASK if self.ordered.code == UNKNOWN_TASK else exits.FAILED


class Control:
    """Observers of the realms that are meant, and the nodes that they have found. Use it `with`.

    Attributes:
        survey: the nodes, and those that did not answer.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        realm = load_app(args.app).name if args.app else None
        self._search = Search(args, realm)
        self._patience: float = args.timeout
        self._open = ExitStack()
        self._observers: dict[str, Observer] = {}
        self.survey = Survey(self._search.realms(), keyed=self._search.keys is not None)
        if len(self.survey.realms) > _REALMS_MAX:
            raise UsageError(f"{len(self.survey.realms)} realms are here: name one, --realm NAME")

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            asked = []
            for realm in self.survey.realms:
                for _, observer in self._search.observers(realm, self._patience):
                    undo.enter_context(observer)
                    asked.append((realm, observer, observer.begin()))
            for realm, observer, request in asked:
                answer = observer.finish(request)
                self.survey.add(realm, answer)
                for node in answer["nodes"]:
                    self._observers.setdefault(str(node.get("node_id")), observer)
            self.survey.sort()
            self._open = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def nodes(self, role: str) -> list[dict[str, Any]]:
        """What the nodes of this role say of themselves."""
        return [node for node in self.survey.nodes if node.get("role") == role]

    def producer(self, prefix: str) -> dict[str, Any] | None:
        """The producer whose node id begins so."""
        theirs = (n for n in self.nodes("producer") if str(n.get("node_id")).startswith(prefix))
        return next(theirs, None)

    def order(
        self,
        node: dict[str, Any],
        verb: str,
        data: list[bytes] | None = None,
        patience: float | None = None,
        **arguments: Any,
    ) -> Ordered:
        """Let a node do something; raises `Disobeyed`."""
        node_id = str(node["node_id"])
        patience = self._patience if patience is None else patience
        ordered = self._observers[node_id].order(node_id, verb, arguments, data, patience)
        if ordered.code != DONE:
            raise Disobeyed(node, ordered)
        return ordered

    def pages(
        self, node: dict[str, Any], verb: str, limit: int | None = None, **arguments: Any
    ) -> Iterator[tuple[dict[str, Any], bytes | None]]:
        """The rows of a list, with the data of each if there is some; at most `limit`."""
        after, given = 0, 0
        while limit is None or given < limit:
            count = _PAGE if limit is None else min(_PAGE, limit - given)
            ordered = self.order(node, verb, after=after, count=count, **arguments)
            rows = ordered.value.get("rows") or []
            for index, row in enumerate(rows):
                yield row, ordered.data[index] if index < len(ordered.data) else None
            if not rows or not ordered.value.get("more"):
                return
            given += len(rows)
            after = int(rows[-1]["seq"])

    def in_parts(
        self, node: dict[str, Any], verb: str, seqs: list[int] | None, **arguments: Any
    ) -> list[int]:
        """Order something of many tasks; the numbers of those that it was done to."""
        done: list[int] = []
        if seqs is not None:
            for first in range(0, len(seqs), ORDER_TASKS_MAX):
                some = seqs[first : first + ORDER_TASKS_MAX]
                done += self.order(node, verb, tasks=some, **arguments).value.get("tasks") or []
            return done
        after = 0
        while True:
            ordered = self.order(node, verb, after=after, **arguments)
            done += ordered.value.get("tasks") or []
            if not ordered.value.get("more") or not done:
                return done
            after = done[-1]

    def complain_of_nobody(self, command: str, what: str) -> int:
        """Nobody is there who could do it; the exit code."""
        survey = self.survey
        realms = ", ".join(map(repr, survey.realms)) or "any realm of this machine"
        complain(f"zmqwork {command}: no {what} answered in {realms}.")
        name_reasons(survey.unheard, self._patience, keyed=survey.keyed)
        for node in survey.unheard:
            name = node.get("name") or node["key"]
            complain(printable(f"  {name} did not: {node['why']}"))
        complain(f"seen {len(survey.nodes)} of {counted(survey.known, 'node')}. zmqwork doctor?")
        return exits.NO_WORKER


def who(node: dict[str, Any]) -> str:
    """How people tell a node apart."""
    return printable(f"{node.get('role')} {node.get('name')} (process {node.get('pid')})")


def id_of(node: dict[str, Any], seq: object) -> str:
    """A task's id."""
    return f"{str(node.get('node_id'))[:8]}-{seq}"
