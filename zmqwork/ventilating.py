"""`ventilate`: push the items of an input through tasks to a sink, and see each of them settled."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import sys
import time
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from zmqwork.config import ProducerConfig, check_name, check_number
from zmqwork.errors import ConfigError, UsageError
from zmqwork.hooks import Hearing, Hooks
from zmqwork.inside import refuse_inside_task
from zmqwork.instants import has_instants
from zmqwork.kept_run import KeptRun, open_kept
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.nodes.producer import Producer
from zmqwork.nodes.store import is_node_id
from zmqwork.nodes.why_not import why_gone
from zmqwork.remembering import Memory, NobodyRemembers
from zmqwork.run import Failure, Run
from zmqwork.starting import identity
from zmqwork.takers import Takers, ended
from zmqwork.task import Task
from zmqwork.teller import Teller
from zmqwork.ventilation import Ventilation
from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.app import App
    from zmqwork.discovery.sources import Discovery

WINDOW = 10_000

# How often it is looked whether all is settled; a person's pace.
_LOOK_INTERVAL = 0.1


class Call(NamedTuple):
    """An item that is a whole call, and not its only argument.

    Attributes:
        number: its place in the input, from 0: it must grow from item to item.
        args, kwargs: what the first task is called with.
        source: what a failure names as the item.
    """

    number: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    source: Any


class EncodedCall(NamedTuple):
    """An item that is a whole call, and encoded already (`wire.values.encode_call`).

    Attributes:
        number, source: as of a `Call`.
        payload: the arguments.
    """

    number: int
    payload: bytes
    source: Any


def ventilate(
    app: App,
    tasks: Task[..., Any] | Sequence[Task[..., Any]],
    items: Iterable[Any],
    *,
    sink: str | None = "default",
    inbox: str | Sequence[str] = (),
    key: Callable[[Any], str] | None = None,
    run: str = "",
    resume: bool = False,
    remember: Literal["always", "if_possible"] = "always",
    window: int = WINDOW,
    on_failed: Callable[[Failure], object] | None = None,
    on_start: Callable[[Run], object] | None = None,
    journal: str | os.PathLike[str] | None = None,
    allow_volatile_journal: bool = False,
    name: str | None = None,
    realm: str | None = None,
    peers: Iterable[str] = (),
    discovery: str | Iterable[str] | None = None,
    interface: str | Iterable[str] | None = None,
    insecure_lan: bool = False,
) -> Run:
    """Run each item through the tasks, the last of which sends its result to a sink.

    Waits until every item is settled, as long as that takes; workers and sinks may start later, and
    may die meanwhile. The input is pulled as fast as the window lets it. At the end all sinks that
    are there and may take its results are told that no more comes.

    Args:
        app: whose tasks they are.
        tasks: one, or several: each gets the result of the one before as its only argument, and
            keeps its own options. (Its results go on, whatever sink it names itself.)
        items: each is the only argument of the first task, or a `Call` or an `EncodedCall`.
        sink: the name of the sinks; None: what the last task returns is dropped.
        inbox: the ids of inboxes, if these alone may take the results: then each takes effect once.
        key: the results of items with one key go to one sink.
        run: a name under which the sinks number the results, so that a later start knows what is
            done. The input must be the same then. Needs sinks with inboxes; if none is named in
            `inbox`, there must be exactly one.
        resume: go on with a run that was begun before; without it such a one is refused.
        remember: ``"if_possible"``: where no inbox can remember the run it goes on without its
            name, and `Run.id` is empty; ``"always"``: that is an error.
        window: items in flight at the most.
        on_failed: called in this thread with each item that did not reach the sink, before the next
            one is pulled (see `Run.tell_failures`). If it raises, no more is pulled, and it is not
            called again.
        on_start: called in this thread with the `Run`, before the first item is pulled.
        journal: a directory where what is in flight is recorded: the same call goes on after a
            crash, as with `resume`, and what runs then at workers is not run again. For one task,
            and a `run`.
        allow_volatile_journal: as for `App.producer`.
        name: as for `App.producer`, like all that follow.
        realm: likewise.
        peers: likewise.
        discovery: likewise.
        interface: likewise.
        insecure_lan: likewise.

    Raises:
        ConfigError: an argument has a value that it cannot have.
        UsageError: `tasks` or `items` are none; the run was begun before, or no inbox remembers it;
            or it was called inside a task, or by a module that a worker imports.
        EncodeError: an item cannot travel.
        ArgumentError: the first task checks its arguments, and an item does not fit.
        TypeError: a task cannot be called with one argument.

    The last three, and what `items`, `key` or `on_failed` raise, are raised when the items before
    are settled, with a note that says what became of these. KeyboardInterrupt ends the run at once.
    """
    _refuse_where_it_cannot_wait()
    inboxes = (inbox,) if isinstance(inbox, str) else tuple(inbox)
    stages = _stages(tasks, sink, inboxes)
    check_number("window", window, 1)
    _check_run(run, sink, remember)
    if journal is not None:
        _check_journal(stages, run, remember)
    if not isinstance(items, Iterable):
        raise UsageError(_why_not_iterable(items))
    where = Whereabouts.of(
        realm=realm,
        peers=peers,
        discovery=discovery,
        interface=interface,
        insecure_lan=insecure_lan,
    )
    state = Run(run)
    if on_start is not None:
        on_start(state)

    def go(run: str) -> None:
        of_realm = app.name if realm is None else realm
        config = ProducerConfig(**identity(of_realm, name), max_pending=window, producer_id=run)
        engine = Ventilation(state, window)
        discovery = app.discover(where)
        kept = None
        if journal is not None:
            kept = open_kept(journal, run, of_realm, allow_volatile_journal, discovery)
        begun = resume or (kept is not None and kept.legacy.epoch > 1)
        takers = Takers(sink, inboxes)
        with _producing(config, discovery, engine, takers, kept, app.hooks):
            if run and sink is not None:
                memory = Memory(run, sink, inboxes)
                engine.remember(memory.ask(engine.node, state.wait_for, resume=begun))
            state.begun_at = time.monotonic()
            engine.begin(stage.spec for stage in stages)
            _feed(engine, stages[0], items, key, Teller(engine, on_failed))

    try:
        go(run)
    except NobodyRemembers:
        if remember == "always" or resume:
            raise
        state.id, state.ended_at = "", None
        go("")
    return state


def _check_run(run: str, sink: str | None, remember: str) -> None:
    if remember not in ("always", "if_possible"):
        raise ConfigError(f"remember must be 'always' or 'if_possible', not {remember!r}")
    if not run:
        return
    check_name("run", run)
    if is_node_id(run):
        raise ConfigError(
            f"run={run!r} looks like the id of a node: add a word to it, as in 'run-{run[:4]}...'"
        )
    if sink is None:
        raise UsageError(f"without a sink nobody remembers what run {run!r} has done")


def _check_journal(stages: Sequence[Task[..., Any]], run: str, remember: str) -> None:
    if len(stages) > 1 or not run:
        raise UsageError(
            "a journal is for a run with a name, of one task: the items of others cannot be known "
            "again after a crash"
        )
    if remember != "always":
        raise UsageError("a journal is for a run that inboxes remember: remember='always'")


def _refuse_where_it_cannot_wait() -> None:
    refuse_inside_task("a pipeline that is run")
    context = sys.modules.get("zmqwork.execution.context")
    if context is not None:
        context.refuse_while_importing("a pipeline was run", "Run it")


def _stages(
    tasks: Task[..., Any] | Sequence[Task[..., Any]], sink: str | None, inboxes: tuple[str, ...]
) -> list[Task[..., Any]]:
    """The tasks, each with the place where its results go."""
    if sink is not None:
        check_name("sink", sink)
    stages = list(tasks) if isinstance(tasks, Sequence) else [tasks]
    if not stages:
        raise ConfigError("a pipeline needs at least one task")
    for stage in stages:
        if not isinstance(stage, Task):
            raise UsageError(f"{stage!r} is no task: make it one with @app.task")
        if has_instants(stage):
            raise UsageError(
                f"{stage!r} has an eta or a deadline, and items go one after the other: use "
                "countdown and expires"
            )
    for stage in stages[1:]:
        stage.check_call(None)
    return [
        *(stage.using(sink=None, inbox=()) for stage in stages[:-1]),
        stages[-1].using(sink=sink, inbox=inboxes),
    ]


def _why_not_iterable(items: object) -> str:
    if isinstance(items, AsyncIterable):
        return (
            f"{items!r} is asynchronous: a ventilator is pulled by a thread; yield in a plain def"
        )
    return f"{items!r} is nothing that can be pulled: items are a list, a generator, a file, ..."


@contextlib.contextmanager
def _producing(
    config: ProducerConfig,
    discovery: Discovery,
    engine: Ventilation,
    takers: Takers,
    kept: KeptRun | None,
    hooks: Hooks,
) -> Iterator[None]:
    """A producer for one run, which leaves when all is settled and the sinks know it."""
    run = engine.run
    if kept is not None:
        config = dataclasses.replace(config, node_id=kept.legacy.producer_id)
    callbacks = Callbacks()
    hearing = Hearing(hooks, callbacks)
    engine.node = node = Producer(
        config,
        discovery=discovery,
        settle=engine.settle,
        mark_running=engine.mark_running,
        recorder=kept.recorder if kept is not None else None,
        legacy=kept.legacy if kept is not None else None,
        make_owner=engine.recovered,
        owner_of=engine.revived,
        callbacks=callbacks,
        telling=hearing.telling(config.node_id),
    )
    run.watch(engine.obstacle)
    try:
        yield
        run.sinks = ended(node, takers.ids(node, must_meet=not run.read))
    finally:
        run.watch(None)
        run.tell_by(None)
        run.ended_at = run.ended_at or time.monotonic()
        node.stop()
        callbacks.close()  # behind what hooks have to hear


def _feed(
    engine: Ventilation,
    task: Task[..., Any],
    items: Iterable[Any],
    key: Callable[[Any], str] | None,
    teller: Teller,
) -> None:
    """Feed all items, and wait until they are settled, whatever was raised meanwhile."""
    raised: Exception | None = None
    try:
        raised = _pull(engine, task, items, key, teller)
    except Exception as error:  # noqa: BLE001 - raised below, behind what came before it
        raised = error
    except BaseException:
        # It is interrupted; what has failed by now has failed.
        teller.tell()
        raise
    while True:
        drained = engine.node.drain(_LOOK_INTERVAL)
        engine.fed()
        refused = teller.tell()
        raised = refused if raised is None else raised
        if drained:
            break
        if gone := why_gone(engine.node):
            raised = raised or gone
            break
    engine.run.ended_at = time.monotonic()
    if raised is not None:
        raised.add_note(f"the pipeline until then: {engine.run}")
        raise raised


def _pull(
    engine: Ventilation,
    task: Task[..., Any],
    items: Iterable[Any],
    key: Callable[[Any], str] | None,
    teller: Teller,
) -> Exception | None:
    """Pull the items, each when there is room for it; what telling of failures raised."""
    last = -1
    pulled = iter(items)
    for number in itertools.count():
        engine.wait_for_room()
        if (engine.failures or teller.raised) and (raised := teller.tell()) is not None:
            return raised
        try:
            item = next(pulled)
        except StopIteration:
            return None
        kind = type(item)
        if kind is EncodedCall or kind is Call:
            if item.number <= last:
                raise UsageError(f"item {item.number} comes behind item {last}: numbers must grow")
            last = number = item.number  # noqa: PLW2901 - its own number counts
            source = item.source
            encoded = item.payload if kind is EncodedCall else task.encode(item.args, item.kwargs)
        else:
            source = item
            encoded = task.encode((item,), {})
        engine.feed(number, source, encoded, None if key is None else key(source))
    return None
