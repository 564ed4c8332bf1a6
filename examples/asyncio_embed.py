"""A server in asyncio that leaves the computing to processes.

What you will see: a server on 127.0.0.1 answers 24 clients at once. Each answer takes some 50 ms of
computing, which two processes do; the event loop meanwhile ticks as if nothing were the matter:

    python examples/asyncio_embed.py

More processes, on this machine or others, may help: cd examples && zmqwork worker asyncio_embed:app
"""

from __future__ import annotations

import asyncio
import hashlib

import zmqwork

app = zmqwork.App("asyncio-embed")

CLIENTS = 24
TICK = 0.01


@app.task
def stretch(password: str) -> str:
    """A password as a key: made to be slow."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 100_000).hex()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client: a line in, a line out. While it waits, the others are served."""
    line = await reader.readline()
    key = await stretch.submit(line.decode().strip())
    writer.write(f"{key}\n".encode())
    await writer.drain()
    writer.close()


async def ask(port: int, password: str) -> str:
    """What a client does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{password}\n".encode())
    line = await reader.readline()
    writer.close()
    return line.decode().strip()


async def tick(ticks: list[float]) -> None:
    """Note how late the event loop is, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        due_at = loop.time() + TICK
        await asyncio.sleep(TICK)
        ticks.append(loop.time() - due_at)


async def serve() -> None:
    """Start everything, let the clients ask, and end."""
    ticks: list[float] = []
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ticking = asyncio.create_task(tick(ticks))
    async with server:
        keys = await asyncio.gather(*(ask(port, f"client {n}") for n in range(CLIENTS)))
    ticking.cancel()
    print(f"{len(set(keys))} clients have different keys; the first is {keys[0][:16]}...")
    late = sorted(ticks)[len(ticks) // 2]
    print(
        f"the event loop ticked {len(ticks)} times meanwhile, {1000 * late:.1f} ms late at median"
    )


def main() -> None:
    """The worker first: its start waits for a process, which an event loop should not."""
    with app.worker(concurrency=2):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
