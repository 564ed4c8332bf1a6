"""`Sink`: what takes the results of tasks, as a user holds it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, cast

from zmqwork.config import check_name, check_number, check_options
from zmqwork.definition import origin, place, stand_side_by_side
from zmqwork.errors import ConfigError, UsageError
from zmqwork.signature import signature_of
from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery
    from zmqwork.nodes.sink import Sink as Node
    from zmqwork.nodes.store import Store

# Under which a ready-made store takes results, unless it is told another name.
DEFAULT_NAME = "default"


class SinkOptions(TypedDict, total=False):
    """How a sink takes results.

    Attributes:
        name: under which it takes results; ``"default"`` if it is not given.
        batch: results that are handed over at once, at most.
        linger: seconds that a batch which is not full waits for more.
        inbox: what remembers what was taken: has an `id`, and ``store(function)``, which makes a
            `Store` of a function of (results, transaction).
        retries: how often a batch is tried again after the function raised.
    """

    name: str | None
    batch: int
    linger: float
    inbox: Any
    retries: int


class NodeOptions(TypedDict, total=False):
    """How a sink runs.

    Attributes:
        name: a label for people.
        batch, linger: instead of those of the sink.
        bind: endpoints to listen at beside the local socket, ``"tcp://127.0.0.1:*"``.
        peers, discovery, interface, insecure_lan: as for `App.worker`.
        realm: serve this realm instead of the app's own.
        drain_timeout: a drain that takes longer leaves what is not stored to the workers.
        once: leave when every producer that was met has said that it has no more. One that was lost
            is given up some 10 s later, and `run` returns 1, unless it is a run, which can be gone
            on with: the log says how.
        expect: leave when so many results are stored, with those that an inbox remembers.
    """

    name: str | None
    batch: int
    linger: float
    bind: Iterable[str]
    peers: Iterable[str]
    insecure_lan: bool
    realm: str | None
    discovery: str | Iterable[str] | None
    interface: str | Iterable[str] | None
    drain_timeout: float
    once: bool
    expect: int


class Sink:
    """Where results of tasks go; made by `App.sink`. Calling it calls its function.

    Args:
        target: the function, or the store, that takes the results.
        realm: the name of its app.
        discover: how its nodes find others.
        options: see `SinkOptions`.

    Attributes:
        name: under which it takes results: ``@app.task(sink=name)``.
        inbox: what remembers what was taken, or None.

    Raises:
        ConfigError: an option is unknown, or has a wrong value.
        UsageError: the target is nothing that takes results.
    """

    def __init__(
        self,
        target: Callable[..., Any] | Store,
        realm: str,
        discover: Callable[[Whereabouts], Discovery],
        options: SinkOptions,
    ) -> None:
        _check_target(target, options)
        if not is_store(target):
            # (Without the attributes of an object, which would stand before our own methods.)
            functools.update_wrapper(self, cast("Callable[..., Any]", target), updated=())
        self._target = target
        self._realm = realm
        self._discover = discover
        self._batch = options.get("batch", 500)
        self._linger = options.get("linger", 0.0)
        self._retries = options.get("retries", 3)
        self.inbox = options.get("inbox")
        self.name = check_name("a sink's name", options.get("name") or DEFAULT_NAME)

    def __repr__(self) -> str:
        return f"<Sink {self.name!r}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, here: as if it were not a sink."""
        if is_store(self._target):
            raise UsageError(f"{self!r} has no function to call: {self._target!r} stores")
        return cast("Callable[..., Any]", self._target)(*args, **kwargs)

    @property
    def target(self) -> Callable[..., Any] | Store:
        """The function, or the store, that it was made from."""
        return self._target

    def run(self, **options: Unpack[NodeOptions]) -> int:
        """Take results until it is done, or a signal ends it (main thread only): an exit code.

        As `nodes.sink.Sink.run` has it, with the options and errors of `start`.
        """
        return self._make(options).run()

    def start(self, **options: Unpack[NodeOptions]) -> Node:
        """Take results in the background; a ``with`` statement, or `drain`, ends it.

        Args:
            **options: see `NodeOptions`.

        Raises:
            ConfigError: an option is unknown (the nearest is named) or has a wrong value.
            InsecureBind: a routable `bind` without keys.
            StoreError: the place where the results go cannot be used.
        """
        return self._make(options).start()

    def node(self, **options: Unpack[NodeOptions]) -> Node:
        """The node, not started: for who handles signals, or is told of its end, differently.

        Options and errors as for `start`, save `StoreError`.
        """
        return self._make(options)

    def _make(self, options: NodeOptions) -> Node:
        from zmqwork.config import SinkConfig  # noqa: PLC0415 - the nodes load pyzmq
        from zmqwork.nodes.sink import Sink as Node  # noqa: PLC0415
        from zmqwork.starting import identity  # noqa: PLC0415

        check_options(f"running sink {self.name!r}", options, NodeOptions.__annotations__)
        bind = options.get("bind", ())
        if isinstance(bind, str):
            raise ConfigError(f"bind is a list of endpoints: [{bind!r}]")
        once = options.get("once", False)
        if not isinstance(once, bool):
            raise ConfigError(f"once must be True or False, not {once!r}")
        where = Whereabouts.of(
            realm=options.get("realm"),
            peers=options.get("peers", ()),
            discovery=options.get("discovery"),
            interface=options.get("interface"),
            insecure_lan=options.get("insecure_lan", False),
        )
        store = self._store()
        config = SinkConfig(
            **identity(options.get("realm") or self._realm, options.get("name")),
            sinks=(self.name,),
            inbox=store.inbox,
            batch=options.get("batch", self._batch),
            linger=options.get("linger", self._linger),
            once=once,
            expect=options.get("expect", 0),
            drain_timeout=options.get("drain_timeout", 30.0),
        )
        return Node(
            config,
            store,
            discovery=self._discover(where),
            bind=tuple(bind),
            insecure_lan=options.get("insecure_lan", False),
            retries=self._retries,
        )

    def _store(self) -> Store:
        from zmqwork.nodes.function_store import store_of  # noqa: PLC0415

        if is_store(self._target):
            return cast("Store", self._target)
        return store_of(cast("Callable[..., Any]", self._target), self.inbox)


def define(sinks: dict[str, Sink], sink: Sink) -> Sink:
    """Add a sink to those of an app. Raises `ConfigError` if another function has its name.

    A module that is reloaded replaces its sinks, as it does its tasks, and a store any other.
    """
    there = sinks.get(sink.name)
    if there is not None and not is_store(sink.target) and not is_store(there.target):
        earlier = cast("Callable[..., Any]", there.target)
        later = cast("Callable[..., Any]", sink.target)
        if origin(earlier) != origin(later) or stand_side_by_side(earlier, later):
            raise ConfigError(
                f"there is a sink {sink.name!r} already ({place(earlier)}): give the other one "
                f"({place(later)}) another name, or pass name='...'"
            )
    sinks[sink.name] = sink
    return sink


def _check_target(target: object, options: SinkOptions) -> None:
    check_sink_options(target, options)
    if is_store(target):
        if options.get("inbox") is not None:
            raise ConfigError(f"inbox is for functions; {target!r} remembers for itself, or cannot")
        return
    if isinstance(target, Sink):
        raise UsageError(f"{target!r} is a sink already")
    if not callable(target) or isinstance(target, type):
        raise UsageError(
            f"a sink is made from a function of the results, or from a store, as "
            f"JsonLines('out.jsonl'), not from {target!r}"
        )
    _check_handler(target, with_inbox=options.get("inbox") is not None)


def check_sink_options(target: object, options: SinkOptions) -> None:
    """Raise `ConfigError` for an unknown option, or a value that it cannot have."""
    what = options.get("name") or getattr(target, "__name__", None)
    check_options(f"sink {what!r}" if what else "a sink", options, SinkOptions.__annotations__)
    name, inbox = options.get("name"), options.get("inbox")
    if name is not None:
        check_name("a sink's name", name)
    for option, low, high in (("batch", 1, 1_000_000), ("retries", 0, 1_000_000)):
        value = options.get(option, low)
        check_number(option, cast("float", value), low, high)
        if not isinstance(value, int):
            raise ConfigError(f"{option} must be a whole number, not {value!r}")
    check_number("linger", options.get("linger", 0.0), 0, 86_400)
    # (Not by asking for its `id`: that may open a database.)
    if inbox is not None and (is_store(inbox) or not _has(inbox, "store", "id")):
        raise ConfigError(
            f"inbox must be an inbox, as SqliteInbox('results.db'), not {inbox!r}"
            + (": pass a store itself, app.sink(...)" if is_store(inbox) else "")
        )


def is_store(target: object) -> bool:
    """Whether this looks like a `nodes.store.Store`."""
    return not isinstance(target, type) and _has(target, "open", "store", "close", "inbox")


def _has(target: object, *names: str) -> bool:
    # What is a property is not called.
    return all(inspect.getattr_static(target, name, None) is not None for name in names)


_Count = Literal[1, 2]


def _check_handler(function: Callable[..., Any], *, with_inbox: bool) -> None:
    name = getattr(function, "__qualname__", repr(function))
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(f"{name} is a generator: a sink calls it, and needs nothing from it")
    signature = signature_of(function)
    if signature is None:
        return  # a builtin, as print: the first batch will tell
    count: _Count = 2 if with_inbox else 1
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        wanted = "results, tx" if with_inbox else "results"
        hint = (
            "the transaction of its inbox comes second"
            if with_inbox
            else "a second argument, the transaction, comes with inbox=... only"
        )
        raise UsageError(
            f"{name}{signature} cannot be called as {name}({wanted}): {error}; {hint}"
        ) from None
