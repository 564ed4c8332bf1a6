"""A TCP proxy in user space that does to a link what networks do: all faults, no rights needed.

It knows ZMTP's framing (greeting, flags, length) and the first two numbers of docs/protocol.md in a
message's head, so that it can stop exactly at a DONE or a DONE_ACK. The directions are ``forth``,
from whoever dials to whoever is bound, and ``back``.
"""

import asyncio
import contextlib
import random
import socket
import threading

# The verbs of docs/protocol.md, section 5.
TASKS, DONE, DONE_ACK, RESULTS, RESULTS_ACK = 18, 20, 21, 32, 33

GREETING_BYTES = 64
MORE, LONG, COMMAND = 1, 2, 4

# Held bytes wait in the kernel's buffers, as in a network; here there are no more than this.
QUEUED_PIECES_MAX = 4096
PATIENCE = 30.0

# After which TCP, at the least, sends again what was lost.
RETRANSMISSION = 0.2


class Frames:
    """Cuts a stream of ZMTP into its frames; any other stream is left as it came."""

    def __init__(self):
        self._rest = b""
        self._greeting_left = GREETING_BYTES
        self._plain = False
        self._first = True

    def cut(self, data):
        """Pieces that make up `data` with what was left over: (bytes, verb or None)."""
        if self._plain:
            return [(data, None)]
        if self._greeting_left == GREETING_BYTES and data[0] != 0xFF:
            self._plain = True
            return [(data, None)]
        # The greeting goes in steps, each of which waits for one of the other side.
        greeting, data = data[: self._greeting_left], data[self._greeting_left :]
        self._greeting_left -= len(greeting)
        self._rest += data
        return [(greeting, None), *self._frames()] if greeting else self._frames()

    def _frames(self):
        pieces = []
        while len(self._rest) >= 2:
            flags = self._rest[0]
            head = 9 if flags & LONG else 2
            if len(self._rest) < head:
                break
            end = head + int.from_bytes(self._rest[1:head], "big")
            if len(self._rest) < end:
                break
            frame, self._rest = self._rest[:end], self._rest[end:]
            verb = None
            if not flags & COMMAND:
                body = frame[head : head + 2]
                if self._first and len(body) == 2 and body[0] >> 4 == 9:  # a short msgpack array
                    verb = body[1]
                self._first = not flags & MORE
            pieces.append((frame, verb))
        return pieces


class Way:
    """One direction, of all connections."""

    def __init__(self):
        self.delay = 0.0
        self.jitter = 0.0
        self.rate = None  # bytes a second, of all connections together
        self.loss = 0.0
        self.slice = None  # bytes that are passed on at once
        self.frames = self.bytes = 0
        self.free_at = 0.0
        self.garbling = False
        self.endless = False
        self.verb = None
        self.caught = threading.Event()
        self.open = None  # an asyncio.Event, made in the proxy's loop


class FaultProxy:
    """Listens on a loopback port and passes on to another one, until told to do worse."""

    def __init__(self, target=None):
        self.target = target
        self.forth, self.back = Way(), Way()
        self.connections = 0
        self._pairs = set()
        self._chance = random.Random(1)
        self._callers = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    @property
    def endpoint(self):
        return f"tcp://127.0.0.1:{self.port}"

    # -- faults -----------------------------------------------------------------------------

    def hold(self, *ways):
        """Let nothing through from now on, not even an end; `release` lets all of it through."""
        self._do(lambda: [way.open.clear() for way in ways])

    def release(self, *ways):
        def release():
            for way in ways:
                way.verb = None
                way.open.set()

        self._do(release)

    def hold_at(self, way, verb):
        """Hold this direction at the next message of that verb; the event says that it came."""

        def arm():
            way.caught.clear()
            way.verb = verb

        self._do(arm)
        return way.caught

    def slow(self, way, seconds, jitter=0.0):
        """Every byte takes so much longer, by chance up to `jitter` more; the order stays."""
        self._set(way, delay=seconds, jitter=jitter)

    def throttle(self, way, rate):
        """Pass on no more bytes a second than this; None: as fast as it goes."""
        self._set(way, rate=rate)

    def lose(self, way, fraction):
        """What TCP makes of lost packets: by chance a piece, and all behind it, is late."""
        self._set(way, loss=fraction)

    def cut_up(self, way, size):
        """Pass on so many bytes at once, and the rest after that; None: as they come."""
        self._set(way, slice=size)

    def garble(self, way, garbling=True):
        """Change the first byte of every frame's body: no head is a head any more."""
        self._do(lambda: setattr(way, "garbling", garbling))

    def swallow_end(self, way):
        """Pass on all that was sent, but not that the connection has ended: as after a power cut."""
        self._do(lambda: setattr(way, "endless", True))

    def cut(self):
        """Reset all connections (RST on both sides)."""
        self._do(self._cut)

    def point_to(self, target):
        """New connections go to this port; None: they are reset."""
        self._do(lambda: setattr(self, "target", target))

    def close(self):
        def stop():
            self._cut()
            self._loop.stop()

        self._loop.call_soon_threadsafe(stop)
        self._thread.join(PATIENCE)

    # -- the loop's thread --------------------------------------------------------------------

    def _set(self, way, **values):
        self._do(lambda: [setattr(way, name, value) for name, value in values.items()])

    def _do(self, change):
        done = threading.Event()

        def run():
            change()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(PATIENCE)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        for way in (self.forth, self.back):
            way.open = asyncio.Event()
            way.open.set()
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**16)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        pending = asyncio.all_tasks(self._loop)
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        # Whoever called in the last moment: no task of his has begun, which could end it.
        for writer in self._callers:
            writer.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _accept(self, reader, writer):
        self._callers.add(writer)
        serving = self._loop.create_task(self._serve(reader, writer))
        serving.add_done_callback(lambda _: self._served(writer))

    def _served(self, writer):
        self._callers.discard(writer)
        if not writer.is_closing():  # it was cancelled while it dialled
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            if self.target is None:
                raise OSError
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._reset(writer)
            return
        pair = (writer, other_writer)
        self._pairs.add(pair)
        # Streams complain of a server that is cancelled, which is how this one is closed.
        with contextlib.suppress(asyncio.CancelledError):
            await self._link(pair, reader, other_reader)

    async def _link(self, pair, reader, other_reader):
        writer, other_writer = pair
        try:
            await asyncio.gather(
                self._pass_on(self.forth, reader, other_writer),
                self._pass_on(self.back, other_reader, writer),
            )
        finally:
            self._pairs.discard(pair)
            for end in pair:
                end.close()

    async def _pass_on(self, way, reader, writer):
        queue = asyncio.Queue(QUEUED_PIECES_MAX)
        feeding = asyncio.ensure_future(self._feed(way, reader, queue))
        try:
            while (item := await queue.get()) is not None:
                due, piece, verb = item
                if verb is not None and verb == way.verb:
                    way.open.clear()
                    way.caught.set()
                while not way.open.is_set():
                    await way.open.wait()
                if (wait := due - self._loop.time()) > 0:
                    await asyncio.sleep(wait)
                if way.garbling:
                    piece = _changed(piece)
                way.frames += 1
                way.bytes += len(piece)
                step = way.slice or len(piece) or 1
                for start in range(0, len(piece), step):
                    writer.write(piece[start : start + step])
                    await writer.drain()
            if way.endless:
                await asyncio.Event().wait()
        except OSError:
            pass
        finally:
            feeding.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await feeding
            with contextlib.suppress(OSError):
                writer.close()

    async def _feed(self, way, reader, queue):
        frames, due = Frames(), 0.0
        with contextlib.suppress(OSError):
            while data := await reader.read(2**16):
                for piece, verb in frames.cut(data):
                    due = self._due(way, due, len(piece))
                    await queue.put((due, piece, verb))
        # An end travels like everything else: it is held, and it is late.
        await queue.put((self._due(way, due, 0), b"", None))
        await queue.put(None)

    def _due(self, way, before, size):
        """When a piece arrives, behind the one before it."""
        due = self._loop.time() + way.delay + way.jitter * self._chance.random()
        if way.loss and self._chance.random() < way.loss:
            due += RETRANSMISSION
        if way.rate:
            way.free_at = max(way.free_at, self._loop.time()) + size / way.rate
            due = max(due, way.free_at + way.delay)
        return max(due, before)

    def _cut(self):
        for pair in list(self._pairs):
            for end in pair:
                self._reset(end)

    @staticmethod
    def _reset(writer):
        made = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()


def _changed(frame):
    if len(frame) < 3:
        return frame
    at = 9 if frame[0] & LONG else 2
    return frame[:at] + bytes([frame[at] ^ 0x55]) + frame[at + 1 :]
