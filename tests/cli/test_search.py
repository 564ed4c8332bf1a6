from __future__ import annotations

import pytest

from zmqwork.app import App
from zmqwork.cli.parser import Parser, add_search, add_sources
from zmqwork.cli.search import search_options, source_words
from zmqwork.errors import UsageError
from zmqwork.whereabouts import Whereabouts


@pytest.fixture
def options(monkeypatch, runtime):
    monkeypatch.setenv("ZMQWORK_PEERS", "a:1")

    def options(*words):
        parser = Parser(prog="zmqwork test")
        add_search(parser, realm="which")
        return search_options(parser.parse_strictly(words))

    return options


def test_without_a_word_the_module_decides(options):
    assert options() == {
        "realm": None,
        "peers": [],
        "discovery": None,
        "interface": None,
        "insecure_lan": False,
    }


def test_what_is_said_wins(options):
    said = options("--realm", "r", "--peer", "b:2", "--interface", "lo", "--insecure-lan")
    assert (said["realm"], said["peers"], said["discovery"]) == ("r", ["tcp://b:2"], None)
    assert (said["interface"], said["insecure_lan"]) == (["lo"], True)
    assert options("--discovery", "static", "--peer", "b:2")["discovery"] == ("static",)
    assert options("--discovery", "local, mdns,local")["discovery"] == ("local", "mdns")


def test_local_alone_tries_no_peer(options):
    app = App("x", peers=["localhost:3"])
    for words, peers in [
        ((), "tcp://localhost:3"),
        (("--discovery", "local"), ""),
        (("--discovery", "static"), "tcp://localhost:3"),
        (("--peer", "localhost:2"), "tcp://localhost:3, tcp://localhost:2"),
    ]:
        discovery = app.discover(Whereabouts.of(**options(*words)))
        (static,) = [it for it in discovery.describe() if it["source"] == "static"]
        discovery.close()
        assert static["where"] == peers
    with pytest.raises(UsageError, match="--peer"):
        options("--discovery", "local", "--peer", "b:2")


def test_the_same_words_for_workers_that_a_command_starts():
    parser = Parser(prog="zmqwork test")
    add_sources(parser)
    words = ["--interface=lo", "--interface=127.0.0.1", "--discovery=mdns,local", "--insecure-lan"]
    assert source_words(parser.parse_strictly(words)) == words
    assert source_words(parser.parse_strictly([])) == []
