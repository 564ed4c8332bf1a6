"""The processes of a pipeline that is killed: ``python pipeline_program.py ROLE REALM FOLDER``.

Numbers from GATE on wait until the file ``go`` is there, so that a test may kill in the middle. What
took effect stands in the folder: a line per result in ``plain``, a row in ``box.db``.
"""

import os
import sys
import threading
from pathlib import Path

import zmqwork

COUNT, GATE = 600, 300

app = zmqwork.App("killed-pipeline")


@app.task(max_retries=0)
def square(number, folder):
    """Quick up to the gate, and again when that is open."""
    note(Path(folder, "ran"), [number])
    pause = threading.Event()
    while number >= GATE and not Path(folder, "go").exists():
        pause.wait(0.01)
    return number * number


def note(path, lines):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, "".join(f"{line}\n" for line in lines).encode())
    os.close(fd)


def calls(folder):
    """The input."""
    from zmqwork.ventilating import Call

    return (Call(n, (n, str(folder)), {}, n) for n in range(COUNT))


def main():
    role, realm, folder = sys.argv[1:]
    folder = Path(folder)

    @app.sink(name="plain", batch=20)
    def plain(results):
        note(folder / "plain", results)

    @app.sink(name="boxed", batch=20, inbox=zmqwork.SqliteInbox(folder / "box.db", id="box"))
    def boxed(results, tx):
        tx.execute("CREATE TABLE IF NOT EXISTS effects (value)")
        tx.executemany("INSERT INTO effects VALUES (?)", [(value,) for value in results])

    if role == "worker":
        return app.worker(2, "thread", realm=realm).run()
    if role in ("push", "keep"):
        more = {"journal": folder / "journal"} if role == "keep" else {"resume": True}
        run = zmqwork.ventilate(
            app, square, calls(folder), realm=realm, inbox="box", run="killed", **more
        )
        note(folder / "runs", [f"{run.ok} {run.already}"])
        return run.lost
    return app.sinks[role].run(realm=realm)


if __name__ == "__main__":
    sys.exit(main())
