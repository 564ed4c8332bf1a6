from __future__ import annotations

import pytest

from zmqwork.cli.parser import Parser, add_output, add_search, nearest, seconds, whole


@pytest.fixture
def parser():
    parser = Parser(prog="zmqwork test", examples="zmqwork test it\nzmqwork test --all")
    parser.add_argument("target")
    parser.add_argument("args", nargs="*", default=[])
    parser.add_argument("-c", "--concurrency", type=whole(1, 9), default=1, metavar="N")
    parser.add_argument("--timeout", type=seconds)
    add_output(parser)
    add_search(parser, realm="which realm")
    return parser


@pytest.fixture
def refused(parser, capsys):
    """What is said of words that are refused."""

    def said(*words):
        with pytest.raises(SystemExit) as caught:
            parser.parse_strictly(words)
        assert caught.value.code == 2
        return capsys.readouterr().err

    return said


def test_options_may_stand_anywhere(parser):
    args = parser.parse_strictly(["t", "1", "--timeout", "5", "2", "-c2", "--", "-x", "--y"])
    assert (args.target, args.args) == ("t", ["1", "2", "-x", "--y"])
    assert (args.timeout, args.concurrency) == (5.0, 2)


def test_negative_numbers_are_arguments(parser):
    assert parser.parse_strictly(["t", "-5", "-.5"]).args == ["-5", "-.5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["t", "--concurency", "4"], "unknown option --concurency: did you mean --concurrency?"),
        (["t", "--outptu=json"], "unknown option --outptu=json: did you mean --output?"),
        (["t", "--xyzzy"], "unknown option --xyzzy\n"),
        (["t", "--conc", "4"], "unknown option --conc"),
        (["t", "-o", "jsn"], "unknown FORMAT 'jsn': did you mean json?"),
        (["t", "-o", "zzz"], "unknown FORMAT 'zzz': choose from table, json, quiet"),
        (["t", "-c", "x"], "'x' is not a whole number"),
        (["t", "-c", "0"], "0 is not between 1 and 9"),
        (["t", "--timeout", "soon"], "'soon' is not a number of seconds"),
        (["t", "--timeout", "nan"], "nan is not a time to wait"),
        (["t", "--timeout", "inf"], "inf is not a time to wait"),
        (["t", "--timeout", "0"], "0 is not a time to wait"),
        (["t", "--peer", "gpu-1"], "has no port"),
        (["t", "--discovery", "local,mdn"], "unknown source 'mdn': did you mean mdns?"),
        (["t", "--discovery", "locl"], "unknown source 'locl': did you mean local?"),
        (["t", "--discovery", "zeroconf"], "choose from mdns, local, static"),
        (["t", "--discovery", ","], "name at least one"),
        ([], "target"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_that_is_right(refused, words, said):
    text = refused(*words)
    assert said in text
    assert text.endswith("Try: zmqwork test --help\n")
    assert len(text.splitlines()) == 2


def test_a_word_too_many(capsys):
    parser = Parser(prog="zmqwork test")
    with pytest.raises(SystemExit):
        parser.parse_strictly(["more"])
    assert "unexpected 'more'" in capsys.readouterr().err


def test_search_options(parser):
    args = parser.parse_strictly(["t"])
    assert (args.realm, args.peer, args.discovery) == (None, [], None)
    args = parser.parse_strictly(
        ["t", "--peer", "a:1", "--peer=tcp://b:2", "--discovery", "static, static", "--realm", "r"]
    )
    assert args.peer == ["tcp://a:1", "tcp://b:2"]
    assert (args.realm, args.discovery) == ("r", ("static",))


def test_help_teaches(parser):
    text = parser.format_help()
    assert "examples:\n  zmqwork test it\n  zmqwork test --all\n" in text
    assert "exit codes:" in text
    assert "78" in text


def test_nearest():
    assert nearest("wroker", ["worker", "ps"]) == ": did you mean worker?"
    assert nearest("xyzzy", ["worker", "ps"]) == ""
