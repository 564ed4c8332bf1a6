"""`App`: a named set of tasks; where everything of a user's program begins."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import (
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from zmqwork.asking import Asking
from zmqwork.batching import Batching
from zmqwork.config import check_boolean, check_name
from zmqwork.finding import Finding
from zmqwork.hooking import Hooking
from zmqwork.hooks import Hooks
from zmqwork.middleware import Layers
from zmqwork.pausing import Pausing
from zmqwork.producers import Producers
from zmqwork.producing import ProducerOptions, whereabouts_of
from zmqwork.sink import Sink, SinkOptions, check_sink_options, define
from zmqwork.task import Task
from zmqwork.tasking import Tasking
from zmqwork.validation.needs import need_msgspec
from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.nodes.store import Store
    from zmqwork.nodes.worker import Worker
    from zmqwork.pipeline import Pipeline
    from zmqwork.pools import PoolName
    from zmqwork.producer import Producer
    from zmqwork.worker import Stay

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")


class App(Tasking, Finding, Pausing, Asking, Batching, Hooking):
    """A named set of tasks. Nodes of apps with the same name find one another.

    Args:
        name: the realm.
        peers: endpoints of workers that discovery does not find, ``"tcp://10.0.0.5:7071"``, or
            DNS names that stand for some, ``"dns://workers.example:7071"``; None: those of the
            environment variable ``ZMQWORK_PEERS``.
        discovery: how nodes find one another, several names in a list or between commas:
            ``"local"``: this user's processes on this machine; ``"static"``: the endpoints in
            `peers`; ``"dns"``: the names there; ``"mdns"``: the loopback interface, or with
            `insecure_lan` the local network. None: the first three, and ``"mdns"`` with
            `interface` or `insecure_lan`.
        interface: where mDNS speaks, by name or address (``"eth0"``); several in a list. None:
            those that are up and lead to a network, or the loopback without `insecure_lan`.
        keys: the directory of this node's keys (`zmqwork keys`); None: ``ZMQWORK_KEYS``, or the
            usual one, if there are any; False: none. With keys every link is encrypted and both
            ends are proved, and nodes are found on the network.
        journal, allow_volatile_journal: of its producers, as `producing.ProducerOptions` has them.
        validate: its tasks check their arguments, unless they say otherwise; see `task`.

    Raises:
        ConfigError: an argument has a value that it cannot have.
    """

    def __init__(
        self,
        name: str,
        *,
        peers: Iterable[str] | None = None,
        discovery: str | Iterable[str] | None = None,
        interface: str | Iterable[str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        allow_volatile_journal: bool = False,
        keys: str | os.PathLike[str] | bool | None = None,
        validate: bool = False,
    ) -> None:
        self.name = check_name("an app's name", name)
        self._producing: ProducerOptions = {}
        if journal is not None:
            self._producing["journal"] = journal
            self._producing["allow_volatile_journal"] = allow_volatile_journal
        self._own = Whereabouts.of(
            realm=name, peers=peers, discovery=discovery, interface=interface, keys=keys
        )
        check_boolean("validate", validate)
        if validate:
            need_msgspec(f"app {name!r}")
        self._validate = validate
        # Bounded by the program's text.
        self._tasks: dict[str, Task[..., Any]] = {}
        self._sinks: dict[str, Sink] = {}
        self._producers = Producers(self._implicit_producer)
        self.hooks, self.layers = Hooks(), Layers()

    def __repr__(self) -> str:
        return f"<App {self.name!r}, {len(self._tasks)} tasks>"

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """The app's sinks by name."""
        return MappingProxyType(self._sinks)

    @overload
    def sink(
        self, target: Callable[..., Any] | Store, /, **options: Unpack[SinkOptions]
    ) -> Sink: ...

    @overload
    def sink(
        self, target: None = None, /, **options: Unpack[SinkOptions]
    ) -> Callable[[Callable[..., Any]], Sink]: ...

    def sink(
        self, target: Callable[..., Any] | Store | None = None, /, **options: Unpack[SinkOptions]
    ) -> Any:
        """Make a function, or a store, take results: ``@app.sink`` or ``app.sink(JsonLines(...))``.

        ::

            @app.task(sink="default")
            def measure(tile): ...


            @app.sink(batch=500)
            def store(results):
                for result in results:
                    ...


            store.run(once=True)

        The function, plain or ``async``, gets a `nodes.store.Results`: a sequence of what the tasks
        returned; its `records` say of which tasks. When it returns, the results count as stored;
        if it raises, it gets the same ones again. With an `inbox` it gets a transaction as well, in
        which the inbox remembers these results: what is written in it takes effect once.

        Args:
            target: the function; or a ready-made store.
            **options: see `sink.SinkOptions`: `name`, `batch`, `linger`, `inbox`, `retries`.

        Raises:
            ConfigError: an option is unknown (the nearest is named) or has a wrong value, or the
                name is taken.
            UsageError: it is nothing that a sink can call, or store with.
        """
        if target is None:
            check_sink_options(None, options)
            return functools.partial(self.sink, **options)
        return define(self._sinks, Sink(target, self.name, self.discover, options))

    def producer(self, **options: Unpack[ProducerOptions]) -> Producer:
        """The explicit form of the producer that the first `submit` makes: use it with `with`.

        While it is open, all tasks of this app are submitted through it.

        Args:
            **options: see `producing.ProducerOptions`: `name`, `journal`, `on_full`,
                `max_pending` and others.

        Raises:
            ConfigError: an option is unknown (the nearest is named) or has a wrong value.
            InsecureBind: an interface that others reach, without `insecure_lan`.
        """
        from zmqwork.starting import make_producer  # noqa: PLC0415 - the nodes load pyzmq

        options = {**self._producing, **options}
        where = whereabouts_of(options)
        return make_producer(
            self._producers,
            functools.partial(self.discover, where),
            realm=where.realm or self.name,
            options=options,
            hooks=self.hooks,
        )

    def worker(
        self,
        concurrency: int | None = None,
        pool: PoolName = "process",
        queues: Iterable[str] = (),
        *,
        name: str | None = None,
        bind: Iterable[str] = (),
        peers: Iterable[str] = (),
        insecure_lan: bool = False,
        drain_timeout: float = 30.0,
        realm: str | None = None,
        discovery: str | Iterable[str] | None = None,
        interface: str | Iterable[str] | None = None,
        allow: Iterable[str] = (),
        strict: bool = False,
        exclude_queues: Iterable[str] = (),
        **stay: Unpack[Stay],
    ) -> Worker:
        """A worker for the tasks of this app.

        ``app.worker().run()`` works until it is told to leave; ``.start()`` does it in the
        background, and a ``with`` statement ends it.

        Args:
            concurrency: tasks that run at the same time; None: one per processor for processes.
            pool: ``"process"`` (a crash costs one task), ``"thread"``, ``"asyncio"`` or
                ``"inline"``.
            queues: those that it serves; none given: all. A mapping gives each its weight:
                ``{"high": 6, "low": 1}``, the shares of what it takes when all have something.
            name: a label for people.
            bind: endpoints to listen at beside the local socket, ``"tcp://127.0.0.1:*"``; none:
                with mDNS a port of the interfaces that it speaks on.
            peers: as for `App`, in addition.
            insecure_lan: allow addresses that others reach, without keys: whoever reaches one can
                run tasks.
            drain_timeout: a drain that takes longer than so many seconds gives back what runs.
            realm: serve this realm instead of the app's own.
            discovery: as for `App`, instead.
            interface: as for `App`, instead.
            allow: also run functions that an `Executor` sends by name, if one of these patterns
                matches: ``"pkg.*"``.
            strict: of `queues`, a later one only gets what the earlier ones leave.
            exclude_queues: serve all but these.
            stay: how long it, and its child processes, stay: see `zmqwork.worker.Stay`.

        Raises:
            ConfigError: an argument has a value that it cannot have.
            InsecureBind: a routable `bind` without keys.
            UsageError: a task cannot be run in such a pool.
        """
        from zmqwork.worker import make_worker  # noqa: PLC0415 - the nodes load pyzmq

        where = Whereabouts.of(
            realm=realm,
            peers=peers,
            discovery=discovery,
            interface=interface,
            insecure_lan=insecure_lan,
        )
        return make_worker(
            self._tasks,
            functools.partial(self.discover, where),
            realm=self.name if realm is None else realm,
            name=name,
            concurrency=concurrency,
            pool=pool,
            queues=queues,
            bind=bind,
            insecure_lan=insecure_lan,
            drain_timeout=drain_timeout,
            allow=allow,
            strict=strict,
            exclude_queues=exclude_queues,
            home=self.home(where),
            **stay,
        )

    def pipeline(
        self,
        *,
        sink: str = "default",
        inbox: str | Sequence[str] = (),
        key: Callable[[Any], str] | None = None,
        window: int | None = None,
    ) -> Pipeline:
        """A pipeline of this app: a ventilator, stages and a sink; see `Pipeline`."""
        from zmqwork.pipeline import Pipeline  # noqa: PLC0415 - not every app has one

        return Pipeline(self, sink=sink, inbox=inbox, key=key, window=window)

    def _implicit_producer(self) -> Producer:
        context = sys.modules.get("zmqwork.execution.context")
        home = context.home if context is not None else None
        if home is None or home["app"] != self.name:
            return self.producer()
        return self.producer(**home["options"])
