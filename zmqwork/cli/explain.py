"""Say why a task is not running: what its producer knows of it, and what you could try.

ID is what logs and errors call the task, and what TaskFuture.id is: 1a2b3c4d-17. Its producer is
looked for as `zmqwork ps` does, and is asked.
"""

from __future__ import annotations

import argparse
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.output import Output, complain, counted
from zmqwork.cli.parser import Parser, add_output, add_search, seconds
from zmqwork.cli.survey import Search, Survey, label, name_reasons, node_id_of, records
from zmqwork.core.functions import COMMAND_TASK
from zmqwork.discovery.runtime import choose
from zmqwork.escaping import printable
from zmqwork.task_ids import task_id as parse_task_id

EXAMPLES = """
zmqwork explain 1a2b3c4d-17
zmqwork explain 1a2b3c4d-17 --realm thumbs
zmqwork explain 1a2b3c4d-17 -o json | jq -r .task.state
"""

_COLUMNS = ("WORKER", "STATE", "SLOTS", "HELD", "CREDIT", "WHY NOT HERE")


def configure(parser: Parser) -> None:
    """Add the options of ``explain``."""
    parser.add_argument("id", metavar="ID", help="the task's id: 1a2b3c4d-17")
    add_output(parser)
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=2.0,
        metavar="SECONDS",
        help="how long the producer may take to answer (default: 2)",
    )
    add_search(parser, realm="look in this realm only")


def run(args: argparse.Namespace) -> int:
    """Ask and print; 3 if the producer is not found, 4 if it never had the task."""
    output = Output(args.output)
    producer, seq = parse_task_id(args.id)
    task_id = f"{producer[:8]}-{seq}"
    search = Search(args)
    survey = search.ask(args.timeout, producer, seq)
    theirs = [n for n in survey.nodes if str(n.get("node_id")).startswith(producer)]
    if not theirs:
        return _not_found(output, task_id, producer, survey, search, args.timeout)
    (node, *_) = theirs
    task = node.get("task")
    known = {key: node.get(key) for key in ("node_id", "name", "realm", "host", "pid", "version")}
    output.json({"id": task_id, "found": True, "producer": known, "task": task})
    if not isinstance(task, dict):
        if output.for_people:
            complain(f"zmqwork explain: {_who(node)} cannot explain tasks: it is too old, or")
            complain("no producer. Ask its log, or TaskFuture.result(timeout=1) there.")
        return exits.FAILED
    is_command = output.for_people and task.get("task") == COMMAND_TASK
    _show(output, task_id, node, task, _commands(search, node, args.timeout) if is_command else [])
    return exits.UNKNOWN_TASK if task.get("state") == "unknown" else exits.OK


def _who(node: dict[str, Any]) -> str:
    where = f"process {node.get('pid')} on {node.get('host')}"
    version = node.get("version")
    return printable(f"{node.get('name')} ({where}, zmqwork {version})")


def _commands(search: Search, producer: dict[str, Any], timeout: float) -> list[str]:
    """What the workers of the producer's realm run: it does not know itself."""
    nodes = search.within(str(producer.get("realm"))).survey(timeout).nodes
    return [f"{node.get('name')}: {node['command']}" for node in nodes if node.get("command")]


def _show(
    output: Output,
    task_id: str,
    node: dict[str, Any],
    task: dict[str, Any],
    commands: list[str],
) -> None:
    name = task.get("task")
    what = f" of task {name!r}" if task.get("is_chunk") else f" {name!r}" if name else ""
    output.line(f"task {task_id}")
    pairs: list[tuple[str, object]] = [("state", task.get("state")), ("why", task.get("text"))]
    if name:
        kind = "a chunk" if task.get("is_chunk") else "task"
        queue = f", queue {task['queue']!r}" if "queue" in task else ""
        priority = f", priority {task['priority']}" if task.get("priority") else ""
        pairs.insert(0, ("what", f"{kind}{what}{queue}{priority}"))
    if "queue" in task:
        pairs.append(("attempts", _attempts(task)))
        pairs += [("evidence", _evidence(record)) for record in records(task.get("evidence"))]
        pairs.append(("waiting", f"{task.get('waiting')} of its kind"))
        pairs += [("command", text) for text in commands]
        if isinstance(task.get("expires_in"), float):
            pairs.append(("expires", f"in {task['expires_in']:.1f} s"))
    pairs.append(("producer", f"{_who(node)}, realm {node.get('realm')!r}"))
    refusals = records(task.get("refusals"))
    pairs += [("refused by", f"{r.get('peer')}: {r.get('why')}") for r in refusals]
    advice = task.get("advice")
    pairs += [("try", text) for text in (advice if isinstance(advice, list) else ())]
    output.lines(pairs)
    workers = records(task.get("workers"))
    if workers:
        output.line()
        output.table(_COLUMNS, map(_row, workers))


def _attempts(task: dict[str, Any]) -> str:
    rejected = f", {task['rejections']} rejected" if task.get("rejections") else ""
    return (
        f"{task.get('attempt')}; {task.get('failures')} failed"
        f" (retries: {task.get('max_retries')}), {task.get('crashes')} crashed"
        f" (limit: {task.get('crash_limit')}), {task.get('losses')} lost with their worker"
        f"{rejected}"
    )


def _evidence(record: dict[str, Any]) -> str:
    """One thing that went wrong before."""
    details = [
        f"{key} {' | '.join(filter(None, str(value).splitlines()))}"
        for key, value in record.items()
        if key not in ("cause", "type", "text")
    ]
    said = ": ".join(str(record[key]) for key in ("type", "text") if record.get(key))
    return "; ".join([str(record.get("cause")), *([said] if said else []), *details])


def _row(worker: dict[str, Any]) -> tuple[object, ...]:
    name = f"{worker.get('name')}#{str(worker.get('node_id'))[:4]}"
    figures = (worker.get(key) for key in ("state", "slots", "held", "credit"))
    why_not = "(it has the task)" if worker.get("has_it") else worker.get("why_not") or None
    return (name, *figures, why_not)


def _not_found(
    output: Output, task_id: str, producer: str, survey: Survey, search: Search, timeout: float
) -> int:
    silent = [n for n in survey.unheard if node_id_of(n).startswith(producer)]
    name_reasons(silent, timeout, keyed=survey.keyed)
    holders = [
        {"worker": node.get("name"), "held": account.get("held")}
        for node in survey.nodes
        for account in records(node.get("producers"))
        if str(account.get("node_id")).startswith(producer)
    ]
    output.json(
        {"id": task_id, "found": False, "unheard": silent, "holders": holders,
         "realms": survey.realms, "seen": len(survey.nodes), "known": survey.known}
    )  # fmt: skip
    if not output.for_people:
        return exits.NO_WORKER
    if silent:
        for node in silent:
            why = printable(node["why"])
            complain(f"zmqwork explain: its {label(node)} is there, but silent: {why}")
        return exits.NO_WORKER
    complain(f"zmqwork explain: no producer {producer[:8]} answered.")
    if holders:
        names = printable(", ".join(f"{h['worker']} ({h['held']} held)" for h in holders))
        complain(f"Workers know it: {names}. It is on another host, or another user's: ask there;")
        complain("or it has just ended.")
    else:
        complain("It has ended, and its tasks with it (with a journal they wait there: zmqwork")
        complain("journal ls DIRECTORY); or it belongs to another user, host or realm: ask there.")
    where = [f"{choose().base} ({choose().why})"] if search.local else []
    complain(f"Looked in {', '.join([*where, *search.peers]) or 'no place'};")
    realms = counted(len(survey.realms), "realm")
    complain(f"seen {len(survey.nodes)} of {counted(survey.known, 'node')} in {realms}.")
    return exits.NO_WORKER
