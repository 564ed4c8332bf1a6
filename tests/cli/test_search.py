from __future__ import annotations

import os

import pytest

from zmqwork.cli.parser import Parser, add_search
from zmqwork.cli.search import search_options
from zmqwork.errors import UsageError


@pytest.fixture
def options(monkeypatch):
    monkeypatch.setenv("ZMQWORK_PEERS", "a:1")

    def options(*words):
        parser = Parser(prog="zmqwork test")
        add_search(parser, realm="which")
        return search_options(parser.parse_strictly(words))

    return options


def test_without_a_word_the_module_decides(options):
    assert options() == {"realm": None, "peers": [], "discovery": None}


def test_what_is_said_wins(options):
    assert options("--realm", "r", "--peer", "b:2") == {
        "realm": "r",
        "peers": ["tcp://b:2"],
        "discovery": None,
    }
    assert options("--discovery", "static", "--peer", "b:2")["discovery"] == "static"
    assert options("--discovery", "local,static")["discovery"] == "local"
    assert os.environ["ZMQWORK_PEERS"] == "a:1"


def test_local_alone_tries_no_peer(options):
    assert options("--discovery", "local") == {"realm": None, "peers": [], "discovery": "local"}
    assert "ZMQWORK_PEERS" not in os.environ
    with pytest.raises(UsageError, match="--peer"):
        options("--discovery", "local", "--peer", "b:2")
