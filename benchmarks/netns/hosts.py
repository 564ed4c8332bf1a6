"""Hosts on one machine: network namespaces on a bridge, each with a name and an address.

Nothing has a name in the system: each namespace is held by a process that ends when its standard
input does, and takes the links in it along. So whatever ends the one that made them, the kernel
cleans up. Tests use them, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Self

_TOOLS = ("ip", "unshare", "nsenter", "setpriv")
PATIENCE = 30.0

# Says that it is there, and holds the namespaces until its starter has gone.
_HOLD = """
import socket, sys
socket.sethostname(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def why_not() -> str | None:
    """Why there can be no hosts here; None if there can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"network namespaces need {', '.join(missing)} (apt-get install iproute2 util-linux)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Switch() as switch:
            switch.host("probe")
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or b""
        return f"network namespaces are not permitted here: {error} {output.decode().strip()}"
    return None


class Namespace:
    """A network (and a host name) of its own."""

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--net", "--uts", sys.executable, "-c", _HOLD, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for what runs there, which needs its network for its last words.
            process_group=0,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.close()
            raise OSError("unshare was refused")
        self.pid = self._process.pid

    @property
    def enter(self) -> list[str]:
        """The words before a command that is to run there."""
        spaces = f"/proc/{self.pid}/ns"
        return ["nsenter", f"--net={spaces}/net", f"--uts={spaces}/uts", "--"]

    def ip(self, *words: str) -> None:
        command = [*self.enter, "ip", *words]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()


class Host:
    """A machine on the switch."""

    def __init__(self, switch: Switch, name: str, number: int) -> None:
        self._switch = switch
        self.name = name
        self.address = f"10.77.0.{number}"
        self._port = f"port{number}"
        self._space = Namespace(name)
        self.enter = self._space.enter
        switch.ip("link", "add", self._port, "type", "veth", "peer", "name", "eth0",
                  "netns", str(self._space.pid))  # fmt: skip
        switch.ip("link", "set", self._port, "master", "switch", "up")
        self._space.ip("link", "set", "lo", "up")
        self._space.ip("address", "add", f"{self.address}/24", "dev", "eth0")
        self._space.ip("link", "set", "eth0", "up")
        self._space.ip("route", "add", "default", "dev", "eth0")

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._space.pid

    def unplug(self) -> None:
        """Nothing goes to the others or comes from them; the host itself may not notice."""
        self._switch.ip("link", "set", self._port, "nomaster")

    def plug_in(self) -> None:
        self._switch.ip("link", "set", self._port, "master", "switch")

    def link(self, state: str) -> None:
        """The host's own interface goes ``down`` or ``up``; down, it loses its routes."""
        self._space.ip("link", "set", "eth0", state)
        if state == "up":
            self._space.ip("route", "replace", "default", "dev", "eth0")

    def close(self) -> None:
        self._space.close()


class Switch:
    """A bridge that hosts are plugged into."""

    def __init__(self) -> None:
        self._space = Namespace("switch")
        self._hosts: list[Host] = []
        try:
            # No querier is there, so nobody may be left out of multicast; no port has to learn.
            self.ip("link", "add", "switch", "type", "bridge",
                    "mcast_snooping", "0", "forward_delay", "0")  # fmt: skip
            self.ip("link", "set", "switch", "up")
        except BaseException:
            self._space.close()
            raise

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._space.pid

    @property
    def enter(self) -> list[str]:
        """The words before a command that is to run where all cables end."""
        return self._space.enter

    def ip(self, *words: str) -> None:
        self._space.ip(*words)

    def host(self, name: str) -> Host:
        made = Host(self, name, len(self._hosts) + 1)
        self._hosts.append(made)
        return made

    def close(self) -> None:
        for host in self._hosts:
            host.close()
        self._space.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
