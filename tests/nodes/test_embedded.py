"""The ways in which programs of users hold a producer: each as a program of its own."""

import subprocess
import sys

import pytest

PATIENCE = 60.0

PREAMBLE = """
import os, sys, zmqwork
app = zmqwork.App("embedded")

@app.task(max_retries=0)
def double(n):
    return 2 * n
"""


@pytest.fixture
def run(runtime, tmp_path):
    """Run a program to its end; what it printed. It may not complain."""

    def start(text, name="program.py", preamble=PREAMBLE):
        script = tmp_path / name
        script.write_text(preamble + text)
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        left = [path.name for path in runtime.rglob("*") if path.is_file() or path.is_socket()]
        assert left == []
        return done.stdout

    return start


def test_requests_in_threads_as_in_flask_and_django(run):
    # A thread per request, as their servers have it; the first ones race for the producer.
    said = run("""
import threading, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class View(BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(double.submit(int(self.path[1:])).result(30)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 64

if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), View)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bodies = {}
    def get(n):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{n}") as answer:
            bodies[n] = answer.read().decode()
    with app.worker(2):
        clients = [threading.Thread(target=get, args=(n,)) for n in range(30)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        names = [thread.name for thread in threading.enumerate()]
    print(bodies == {n: str(2 * n) for n in range(30)})
    print(sum(name.startswith("zmqwork-producer") for name in names))
    server.shutdown()
    server.server_close()
""")
    assert said.split() == ["True", "1"]


def test_a_server_in_asyncio(run):
    said = run("""
import asyncio

async def answer(reader, writer):
    line = await reader.readline()
    writer.write(b"%d\\n" % await double.submit(int(line)))
    await writer.drain()
    writer.close()

async def ask(port, n):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"%d\\n" % n)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line)

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        answers = await asyncio.gather(*(ask(port, n) for n in range(30)))
        mapped = [value async for value in double.amap(range(5))]
    print(answers == [2 * n for n in range(30)], mapped)

if __name__ == "__main__":
    with app.worker(2):
        asyncio.run(main())
        asyncio.run(main())
""")
    assert said == "True [0, 2, 4, 6, 8]\n" * 2


# As IPython does it: source that is no file's, executed in a `__main__` that has none either.
CELLS = """
import sys, types

main = types.ModuleType("__main__")
sys.modules["__main__"] = main

def cell(number, text):
    exec(compile(text, f"<ipython-input-{number}>", "exec"), main.__dict__)
"""


def test_cells_of_a_notebook(run):
    said = run(
        CELLS
        + """
cell(1, '''
import zmqwork
app = zmqwork.App("notebook")
@app.task(max_retries=0)
def double(n):
    return 2 * n
''')
cell(2, '''
try:
    app.worker(1)
except zmqwork.UsageError as error:
    print("worker:", error)
worker = app.worker(2, "thread").start()
print(double.submit(4).result(30), list(double.map(range(3))))
''')
# A cell is run again, with other code.
cell(1, '''
@app.task(max_retries=0)
def double(n):
    return "now " + str(2 * n)
worker.stop()
worker = app.worker(2, "thread").start()
print(double.submit(5).result(30))
''')
cell(3, '''
import math
def here(n):
    return n
with zmqwork.Executor(local_workers=1) as executor:
    print(executor.submit(math.factorial, 5).result(30))
    try:
        executor.submit(here, 1)
    except zmqwork.UsageError as error:
        print("executor:", error)
worker.stop()
''')
""",
        preamble="",
    )
    lines = said.splitlines()
    assert 'move the tasks into a module, or use pool="thread"' in lines[0]
    assert lines[1:4] == ["8 [0, 2, 4]", "now 10", "120"]
    assert "a program without a file (a notebook, a prompt, python -c)" in lines[4]


def test_servers_that_fork_before_they_serve(run):
    # As gunicorn: the application is loaded once, perhaps used, and then there are its children.
    said = run("""
if __name__ == "__main__":
    with app.worker(2, queues=['default']), app.producer() as producer:
        before = double.submit(1)
        assert before.result(30) == 2
        unsettled = double.using(queue="nobody's").submit(1)
        children = []
        for n in range(3):
            pid = os.fork()
            if pid:
                children.append(pid)
                continue
            code = 1
            try:
                assert double.submit(n).result(30) == 2 * n
                assert list(double.map(range(100))) == [2 * i for i in range(100)]
                # What is the parent's is refused, not touched.
                for use in (unsettled.result, unsettled.cancel, producer.status):
                    try:
                        use()
                    except zmqwork.UsageError as error:
                        assert "a forked child" in str(error), error
                    else:
                        raise AssertionError(use)
                assert before.result() == 2
                double.submit(n).result(30)
                app._producers.current.stop()
                code = 0
            finally:
                os._exit(code)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        print(codes, double.submit(9).result(30))
        unsettled.cancel()
""")
    assert said == "[0, 0, 0] 18\n"


def test_a_script_without_the_guard_says_what_to_do(runtime, tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(PREAMBLE + "print(double.submit(1).result(30))\n")
    worker = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "unguarded:app", "-c", "1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode != 0
    assert 'if __name__ == "__main__":' in said
