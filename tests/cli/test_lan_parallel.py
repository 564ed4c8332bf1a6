"""A `parallel` over the network from three commands alone: ventilator, worker --exec, sink."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter

import pytest

PATIENCE = 60


class Commands:
    """The three commands of one realm, in one directory, each with its standard output as JSON."""

    def __init__(self, directory):
        self.directory = directory
        self.started = []
        self.out = directory / "out.jsonl"

    def start(self, name, *words, **options):
        process = subprocess.Popen(
            [sys.executable, "-m", "zmqwork", name, "--realm", "lan", *words],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **{"stdin": subprocess.DEVNULL, **options},
        )
        self.started.append(process)
        return process

    def worker(self, command):
        return self.serving("worker", "-c", "2", "--exec", command)

    def sink(self, *words):
        return self.serving("sink", "--out", "out.jsonl", *words)

    def ventilator(self, *words):
        return self.serving("ventilator", "--no-progress", *words)

    def serving(self, name, *words):
        """Started, and introduced; `told` is how."""
        process = self.start(name, "-o", "json", *words)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        process.told = json.loads(line)
        return process

    def records(self):
        """The records in the file, and how often each is there."""
        # (What is being written just now may end anywhere.)
        lines = self.out.read_text().rpartition("\n")[0].splitlines()
        return Counter(json.loads(line)["result"]["record"] for line in lines)

    def kill(self, process):
        process.kill()
        process.communicate()

    def end(self):
        for process in self.started:
            process.kill()
            process.communicate()


@pytest.fixture
def lan(tmp_path, runtime):
    commands = Commands(tmp_path)
    yield commands
    commands.end()


def ended(process, code=0):
    """The last JSON object of a process, and what it said to people."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, (out, err)
    return json.loads(out.splitlines()[-1]), err


def numbers(directory, count, name="in.txt"):
    """What ``seq`` writes."""
    lines = [str(number) for number in range(1, count + 1)]
    (directory / name).write_text("".join(f"{line}\n" for line in lines))
    return lines


@pytest.mark.parametrize(
    "order", [["worker", "sink", "ventilator"], ["ventilator", "sink", "worker"]]
)
def test_in_any_order_every_line_is_done_once(lan, tmp_path, order):
    lines = numbers(tmp_path, 200)
    words = {
        "worker": ["-c", "2", "--exec", "echo {}"],
        "sink": ["--out", "out.jsonl", "--once"],
        "ventilator": ["--lines", "in.txt", "--no-progress"],
    }
    started = {name: lan.serving(name, *words[name]) for name in order}
    told, said = ended(started["ventilator"])
    assert (told["succeeded"], told["failed"], told["complete"]) == (200, 0, True)
    (sink,) = told["sinks"]
    assert (sink["taken"], sink["lacking"], sink["missing"]) == (200, 0, [])
    assert said == ""
    stored, _ = ended(started["sink"])
    assert (stored["stored"], stored["complete"]) == (200, True)
    assert [report["lacking"] for report in stored["producers"]] == [0]
    assert lan.records() == Counter(lines)
    # Each line of the output names its line of the input.
    run = told["run"]
    for text in lan.out.read_text().splitlines():
        result = json.loads(text)
        assert result["result"]["stdout"] == f"{result['result']['record']}\n"
        assert result["task_id"] == f"{run}-{result['result']['record']}"


def test_ventilator_and_sink_are_killed_and_go_on(lan, tmp_path, until):
    """Record 60 waits for the test, so that all of this happens in the middle."""
    lines = numbers(tmp_path, 150)
    os.mkfifo(tmp_path / "go")
    worker = lan.worker("case {} in 60) read x <go;; esac; echo {}")
    sink = lan.sink("--once")
    ventilator = lan.ventilator("--lines", "in.txt")
    until(lambda: lan.out.exists() and len(lan.records()) > 50)
    lan.kill(ventilator)
    refused = lan.start("ventilator", "--lines", "in.txt")
    out, said = refused.communicate(timeout=PATIENCE)
    assert (refused.returncode, out) == (2, ""), "nothing was sent"
    assert re.search(r"run '\w{20}' was begun before: its sinks have \d+ results of it", said)
    ventilator = lan.ventilator("--lines", "in.txt", "--resume")
    until(lambda: len(lan.records()) == 149)
    lan.kill(sink)
    sink = lan.sink("--once")
    # A line for each that waits: the worker may not know yet that the first ventilator is gone.
    with (tmp_path / "go").open("w") as go:
        go.write("on\n" * 2)
        go.flush()
        told, _ = ended(ventilator)
    assert (told["read"], told["succeeded"] + told["already"], told["failed"]) == (150, 150, 0)
    assert told["already"] > 50
    stored, _ = ended(sink)
    # What was written and not yet recorded is cut, and comes again.
    assert sink.told["stored_before"] > 50
    assert (stored["stored_before"] + stored["stored"], stored["complete"]) == (150, True)
    assert lan.records() == Counter(lines)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0


def test_what_failed_is_kept_and_done_by_a_later_start(lan, tmp_path):
    numbers(tmp_path, 5)
    lan.worker("[ {} != 3 ] || [ $ZMQWORK_ATTEMPT = 2 ]")
    sink = lan.sink()
    told, _ = ended(lan.ventilator("--lines", "in.txt", "--errors", "bad.txt"), 1)
    assert (told["succeeded"], told["failed"], told["errors"]) == (4, 1, "bad.txt")
    assert (told["sinks"][0]["lacking"], told["sinks"][0]["missing"]) == (0, [[3, 3]])
    assert (tmp_path / "bad.txt").read_text() == "3\n"
    # Commands are tried again only when that is asked for.
    told, _ = ended(lan.ventilator("--lines", "in.txt", "--resume", "--retries", "1"))
    assert (told["succeeded"], told["already"], told["failed"]) == (1, 4, 0)
    sink.terminate()
    stored, _ = ended(sink)
    assert (stored["stored"], stored["complete"]) == (5, True)
    assert lan.records() == Counter("12345")


def test_people_read_what_happened(lan, tmp_path):
    numbers(tmp_path, 3)
    lan.worker("[ {} != 2 ]")
    sink = lan.start("sink", "--out", "out.jsonl", "--once")
    done = lan.start("ventilator", "--lines", "in.txt")
    out, err = done.communicate(timeout=PATIENCE)
    assert done.returncode == 1
    summary, has, again = out.splitlines()
    assert re.fullmatch(r"3 records read: 2 succeeded, 1 failed \([\d.]+ s, [\d.]+/s\)", summary)
    assert re.fullmatch(r"sink \S+ \(inbox \w{32}\) has 2 of 2 results", has)
    assert re.fullmatch(
        r"nothing is left to do of run \w{20} but 1 failed record: to try again, once the cause is "
        r"mended: the same command with --resume",
        again,
    )
    assert "zmqwork ventilator: in.txt, line 2: CommandFailed: exit code 1: [ 2 != 2 ]" in err
    out, err = sink.communicate(timeout=PATIENCE)
    assert sink.returncode == 0
    banner = out.splitlines()
    assert banner[0].startswith("zmqwork ")
    assert f"  puts them  into {tmp_path}/out.jsonl" in banner
    assert banner[-2] == "2 results stored"
    assert re.fullmatch(
        r"  ventilator#\w{4}, run \w{20}: complete: 2 of 2 results; 1 task without one", banner[-1]
    )


def test_results_to_be_read_at_once(lan, tmp_path):
    """Standard output is the results' alone; a reader that has seen enough ends it."""
    lan.worker("echo {}")
    reader = lan.start("sink", "--out", "-", "--bare")
    assert "which results go" not in reader.stderr.readline()
    lines = numbers(tmp_path, 20)
    told, _ = ended(lan.ventilator("--lines", "in.txt"))
    # Nobody remembers, so that it is no run that could be gone on with.
    assert (told["run"], told["succeeded"]) == (None, 20)
    read = [json.loads(reader.stdout.readline())["record"] for _ in range(20)]
    assert sorted(read, key=int) == lines
    refused = lan.start("ventilator", "--lines", "in.txt", "--run", "x")
    _, said = refused.communicate(timeout=PATIENCE)
    assert (refused.returncode, "sink 'default' has no inbox" in said) == (2, True)
    reader.stdout.close()
    ventilator = lan.ventilator("--lines", "in.txt")
    assert reader.wait(PATIENCE) == 141
    assert "whoever read the output has closed it" in reader.stderr.read()
    ventilator.send_signal(signal.SIGTERM)
    told, said = ended(ventilator, 143)
    assert told["succeeded"] + told["failed"] < 20
    assert "Traceback" not in said


def test_a_pipe_is_gone_on_with_by_the_name_that_was_told(lan, tmp_path):
    numbers(tmp_path, 10)
    os.mkfifo(tmp_path / "go")
    lan.worker("case {} in 4) [ -e free ] || read x <go;; esac")
    lan.sink()
    with (tmp_path / "in.txt").open() as pipe:
        ventilator = lan.start(
            "ventilator", "--lines", "-", "--rate", "1000/s", stdin=subprocess.PIPE
        )
        ventilator.stdin.write(pipe.read())
        ventilator.stdin.flush()
    with (tmp_path / "go").open("w"):  # it has begun
        ventilator.send_signal(signal.SIGINT)
        out, err = ventilator.communicate(timeout=PATIENCE)
    assert (ventilator.returncode, "Traceback" in err) == (130, False)
    summary, again = out.splitlines()
    assert re.fullmatch(
        r"10 records read, and no more: \d+ succeeded, \d+ not settled \(.*\)", summary
    )
    words = again.partition("the same command with ")[2].split()
    assert [words[0], words[2]] == ["--run", "--resume"]
    (tmp_path / "free").touch()
    with (tmp_path / "in.txt").open() as pipe:
        ventilator = lan.start("ventilator", "-o", "json", "--lines", "-", *words, stdin=pipe)
        told, _ = ended(ventilator)
    assert (told["run"], told["succeeded"] + told["already"]) == (words[1], 10)
    assert sorted(lan.records().values()) == [1] * 10
