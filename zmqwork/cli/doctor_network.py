"""Checks of the network: does multicast work, and is anybody there?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from zmqwork.cli.finding import FAIL, OK, WARN, Finding
from zmqwork.discovery.nics import Nic, nics
from zmqwork.discovery.sounding import MDNS_PORT, Echo, sound

_NAMES_SHOWN = 4

_WITHOUT_MULTICAST = "do without multicast: zmqwork ps --realm NAME --peer tcp://HOST:PORT"


class Network:
    """The interfaces that are listened on.

    Args:
        names: those that the user named, by name or address; none: all that mDNS would use.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._nics = nics()

    def unusable(self) -> Iterator[Finding]:
        """Interfaces that are not listened on, if somebody might wonder why."""
        for name in self._names:
            if not any(nic.is_one_of([name]) for nic in self._nics):
                known = ", ".join(dict.fromkeys(nic.name for nic in self._nics))
                text = f"there is no interface {name!r} with an IPv4 address"
                yield Finding(f"multicast {name}", FAIL, text, (f"there is {known}",))
        for nic in self._nics:
            named = nic.is_one_of(self._names)
            if named and not nic.is_up:
                advice = (f"ip link set {nic.name} up; is a cable, or a network, there?",)
                yield Finding(f"multicast {nic.name}", FAIL, f"{nic.ip} is down", advice)
            elif not self._names and not self._is_usable(nic):
                yield Finding(f"multicast {nic.name}", OK, f"{nic.ip} is left out: {_why(nic)}")

    def chosen(self) -> list[Nic]:
        """The interfaces to listen on."""
        if self._names:
            return [nic for nic in self._nics if nic.is_up and nic.is_one_of(self._names)]
        return [nic for nic in self._nics if self._is_usable(nic)]

    def sound(
        self, duration: float, is_wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[Finding]:
        """Ask and listen on all of them at the same time; one finding each."""
        chosen = self.chosen()
        if not chosen:
            if not self._names:
                text = "no interface has an IPv4 address"
                yield Finding("multicast", FAIL, text, (_WITHOUT_MULTICAST,))
            return
        for echo in sound(chosen, duration, is_wanted=is_wanted):
            yield self._judge(echo, duration)
            if echo.port != MDNS_PORT:
                advice = ("see who has it: ss -ulpn sport = :5353; let it share the port",)
                text = "the port of mDNS, 5353, is taken by a program that does not share it"
                yield Finding(f"mdns port {echo.nic.name}", FAIL, text, advice)

    def _judge(self, echo: Echo, duration: float) -> Finding:
        nic = echo.nic
        check, data = f"multicast {nic.name}", _data(echo)
        if echo.error or not echo.came_back:
            why = echo.error or f"nothing came back in {duration:g} s"
            # The user asked for this one; or it is all that there is.
            state = FAIL if self._names or len(self.chosen()) == 1 else WARN
            return Finding(
                check, state, f"{nic.ip}: blocked here: {why}", tuple(_unblock(nic)), data
            )
        others = _others(echo)
        if nic.is_loopback:
            return Finding(check, OK, f"{nic.ip}: out and back{others}", data=data)
        if echo.hosts:
            text = f"{nic.ip}: out and back; {len(echo.hosts)} other machines speak mDNS{others}"
            return Finding(check, OK, text, data=data)
        text = f"{nic.ip}: out and back, but no other machine spoke mDNS in {duration:g} s{others}"
        return Finding(check, WARN, text, tuple(_alone()), data)

    def _is_usable(self, nic: Nic) -> bool:
        return nic.is_up and (nic.is_loopback or (nic.is_multicast and not nic.is_skipped))


def _why(nic: Nic) -> str:
    if not nic.is_up:
        return "it is down"
    return "bridges and tunnels are" if nic.is_skipped else "it has no multicast"


def _others(echo: Echo) -> str:
    """What was heard, in a few words."""
    words = []
    if echo.services:
        shown = sorted(name.removesuffix(".local.") for name in echo.services)
        more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
        words.append(f"services seen: {', '.join(shown[:_NAMES_SHOWN])}{more}")
    if echo.nodes:
        words.append(f"zmqwork nodes: {len(echo.nodes)}")
    if echo.heard_on:
        words.append(f"same network as {', '.join(sorted(echo.heard_on))}")
    return "; " + "; ".join(words) if words else ""


def _data(echo: Echo) -> dict[str, Any]:
    return {
        "interface": echo.nic.name, "address": echo.nic.ip, "port": echo.port, "error": echo.error,
        "came_back": echo.came_back, "heard_on": sorted(echo.heard_on),
        "other_hosts": sorted(echo.hosts), "services": sorted(echo.services),
        "nodes": sorted(echo.nodes), "local_responder": echo.has_local,
    }  # fmt: skip


def _unblock(nic: Nic) -> Iterator[str]:
    yield f"does a firewall here drop UDP port {MDNS_PORT}? (nft list ruleset, ufw status)"
    if Path("/run/firewalld").exists():
        yield "firewall-cmd --permanent --add-service=mdns && firewall-cmd --reload"
    if sys.platform == "darwin":
        yield "System Settings, Privacy, Local Network: is the terminal allowed?"
    if not nic.is_loopback:
        yield f"is there a route? ip route get 224.0.0.251 oif {nic.name}"
    yield _WITHOUT_MULTICAST


def _alone() -> Iterator[str]:
    """Multicast works on this machine: is nobody there, or does the network drop it?"""
    yield "if nobody else is there, all is well; a longer look: --timeout 15"
    yield "the same on another machine: if it sees this one, and not the reverse, look there"
    if Path("/.dockerenv").exists():
        yield "in a container multicast does not leave the bridge: --network host, or --peer"
    if "microsoft" in platform.release().lower():
        yield "WSL2 behind NAT has no multicast: networkingMode=mirrored in .wslconfig, or --peer"
    yield "Wi-Fi: guest networks and client isolation drop it"
    yield "switches: IGMP snooping without a querier drops it after some minutes"
    yield _WITHOUT_MULTICAST
