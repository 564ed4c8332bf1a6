"""What a record makes of a command: the forms of GNU parallel, and values that stay values."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zmqwork.errors import UsageError
from zmqwork.execution.command_failed import CommandFailed
from zmqwork.execution.placeholders import COMMAND_BYTES_MAX, Template
from zmqwork.execution.shell_text import Quoting, quotings

SHELLS = ["/bin/sh", *filter(None, [shutil.which("bash")])]


def ran(template, record, shell="/bin/sh", number=7, slot=2):
    """What a shell writes that runs the command for the record."""
    line = Template(template).line(record, number, slot)
    words = [text.encode("utf-8", "surrogateescape") for text in (line.assigned(), *line.values)]
    done = subprocess.run(
        [shell, "-c", words[0], "sh", *words[1:]], capture_output=True, timeout=30, check=False
    )
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape")


# What GNU parallel 20221122 makes of them.
@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("a/b.c.d", "[a/b.c.d] [a/b.c] [b.c.d] [a] [b.c]"),
        ("a/b/", "[a/b/] [a/b/] [] [a] []"),
        ("/", "[/] [/] [] [/] []"),
        ("//", "[//] [//] [] [/] []"),
        ("/a", "[/a] [/a] [a] [/] [a]"),
        ("a", "[a] [a] [a] [.] [a]"),
        (".bashrc", "[.bashrc] [] [.bashrc] [.] []"),
        ("a.b/c", "[a.b/c] [a.b/c] [c] [a.b] [c]"),
        ("a//b", "[a//b] [a//b] [b] [a] [b]"),
        ("x.", "[x.] [x] [x.] [.] [x]"),
        (" sp ace.t", "[ sp ace.t] [ sp ace] [ sp ace.t] [.] [ sp ace]"),
        ("-n", "[-n] [-n] [-n] [.] [-n]"),
        ("", "[] [] [] [.] []"),
    ],
)
def test_parts_of_a_path_are_those_of_gnu_parallel(record, said):
    assert ran("printf '[%s] [%s] [%s] [%s] [%s]' {} {.} {/} {//} {/.}", record) == said


@pytest.mark.parametrize(
    ("template", "record", "said"),
    [
        ("echo {#} {%}", "x", "7 2\n"),
        ("echo", "a  b", "a  b\n"),
        ("echo a; echo", "b", "a\nb\n"),
        ("echo {#}", "x", "7\n"),
        ("echo {}{}", "x", "xx\n"),
        ("echo {} {1} {name}", 17, "17 {1} {name}\n"),
        ("echo {}", 1.5, "1.5\n"),
        ("echo {} | tr a-z A-Z", "up", "UP\n"),
        ("echo {", "x", "{ x\n"),
        ("echo '{print $1}' {}", "x", "{print $1} x\n"),
        ("echo x y | awk '{print $2}'; echo {}", "a", "y\na\n"),
        ("echo x y | awk '{print}'; echo {}", "a", "x y\na\n"),
        ("echo aaa | grep -E '^a{3}$'; echo {}", "a", "aaa\na\n"),
        ("name=v; echo ${name} {}", "x", "v x\n"),
        ("echo \\{} {}", "x", "{} x\n"),
        ("echo \\{\\} {}", "x", "{} x\n"),
        ("{ echo {}; }", "x", "x\n"),
        ('x={}; echo "$x"', "a  b", "a  b\n"),
        ('echo "$(echo {})"', "a  b", "a  b\n"),
        ('echo "`echo {}`"', "a  b", "a  b\n"),
        ("echo $(echo \"{}\" ')' {}) {}", "a*", "a* ) a* a*\n"),
        ("f() { echo $# {}; }; f 1 2 3", "x", "3 x\n"),
        ("set -- q; echo $1 {}", "x", "q x\n"),
        ("echo $# {}", "x", "0 x\n"),
        ("echo {} # it's {}", "x", "x\n"),
        ("echo a#'b' {}", "x", "a#b x\n"),
        # Fields of a record:
        ("echo {a} {b}", {"a": "1  2", "b": 3}, "1  2 3\n"),
        ("echo {f.} {f/} {f//} {f/.}", {"f": "d/e.x"}, "d/e e.x d e\n"),
        ("echo {f.}", {"f.": "whole", "f": "d.e"}, "whole\n"),
        ("echo {first name} {}", {"first name": "X"}, 'X {"first name": "X"}\n'),
        ("echo {é}", {"é": "x"}, "x\n"),
        ("a=v; echo ${a} {a}", {"a": "x"}, "v x\n"),
        ("echo '{print $1} { a }' {a}", {"a": "x"}, "{print $1} { a } x\n"),
        ("echo \\{a} {a}", {"a": "x"}, "{a} x\n"),
        ("echo a{3} {a} {3}", {"a": "x", "3": "y"}, "ay x y\n"),
        ("echo a{4} {a}", {"a": "x"}, "a{4} x\n"),
        ("echo", {"a": ["é", None]}, '{"a": ["é", null]}\n'),
        ("echo {a} {b} {c} {d}", {"a": True, "b": None, "c": [1], "d": {}}, "true null [1] {}\n"),
        # Items of a list, as of several input sources:
        ("printf '[%s]' {}", ["a b", 1], "[a b][1]"),
        ("printf '[%s]'", ["a b", 1], "[a b][1]"),
        ("printf '[%s]' \"{}\"", ["a b", 1], "[a b 1]"),
        ("printf '[%s]' '{}'", ["a b", 1], "[a b 1]"),
        ("printf '[%s]' {1} {2/} {2.} {2/.}", ("a", "b/c.d"), "[a][c.d][b/c][c]"),
        ("printf '[%s]' {.}", ["a.x", "b.y"], "[a][b]"),
        ("printf '[%s]' {1}x{a} '{1,2}' ${1}", ["v"], "[vx{a}][{1,2}]"),
        ("echo x{}", [], "x\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_command_becomes(template, record, said, shell):
    assert ran(template, record, shell) == said


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"\xff", "\udcff"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (PurePosixPath("a/b"), "a/b"),
        (None, "null"),
        (False, "false"),
    ],
)
def test_values_that_are_no_text(record, said):
    assert ran("printf %s", record) == said


TEXTS = st.text(
    st.one_of(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
        st.sampled_from("'\"`$\\(){}*?[]~!#&;|<>\n\t -="),
    ),
    max_size=30,
)


@settings(max_examples=150)
@given(TEXTS)
@example("$(touch /tmp/x)'\"`id`\\")
@example("-n\n")
@example("\x01\x7f\u2028")
def test_every_text_arrives_as_it_is_wherever_it_stands(text):
    for shell in SHELLS:
        said = ran("printf '%s\\0' {} '{}' \"{}\" x{}y \"a'{}'\"", text, shell)
        assert said.split("\0") == [text, text, text, f"x{text}y", f"a'{text}'", ""]


@settings(max_examples=50)
@given(st.lists(TEXTS, max_size=12), st.dictionaries(st.sampled_from("abc"), TEXTS, min_size=3))
def test_every_item_and_every_field_arrives_as_it_is(items, fields):
    assert ran("printf '%s\\0' -- {}", items).split("\0") == ["--", *items, ""]
    said = ran("printf '%s\\0' {a} \"{b}\" '{c}'", fields)
    assert said.split("\0") == [*(fields[name] for name in "abc"), ""]


@pytest.mark.parametrize(
    ("template", "record", "said"),
    [
        ("echo {nam}", {"name": 1, "size": 2}, "has no field 'nam'; it has name, size"),
        ("echo {nam.}", {"name": 1}, "has no field 'nam'"),
        ("awk '{print}'", {"name": 1}, "a space in them"),
        ("echo {x}", {}, "it has none"),
        ("echo {x}", {f"k{number}": 1 for number in range(30)}, "k19 and 10 more"),
        ("echo {.}", {"name": 1}, "write {NAME.}"),
        ("echo {3}", ["a", "b"], "a list of 2"),
        ("echo {0}", ["a", "b"], "a list of 2"),
        ("echo {99999999999999999999}", ["a", "b"], "a list of 2"),
        ("echo", "a\0b", "NUL"),
        ("echo", "\ud800", "UTF-8"),
        ("echo", {"a": b"x"}, "JSON"),
        ("echo", {"a": float("nan")}, "JSON"),
    ],
)
def test_what_no_command_can_be_made_of(template, record, said):
    with pytest.raises(CommandFailed, match=r"(?s).*") as caught:
        Template(template).line(record, 1, 1)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "x" * (COMMAND_BYTES_MAX + 1), "\ud800"])
def test_what_is_no_command(text):
    with pytest.raises(UsageError, match="command"):
        Template(text)


def test_people_are_shown_the_values_quoted():
    assert Template('echo {} "{}" {%}').line("a b", 1, 2).shown == "echo 'a b' \"'a b'\" 2"
    assert Template("echo").line("it's", 1, 2).shown == "echo 'it'\"'\"'s'"


@pytest.mark.parametrize("text", ["\\", '"\\', "'", '"$(', "`", "$((", ")", "#", '"`"`', "a\\\nb"])
def test_every_character_has_a_quoting(text):
    assert len(quotings(text)) == len(text)


@given(st.text("ab'\"\\$()`# \n{}"))
def test_no_text_is_too_strange(text):
    assert len(quotings(text)) == len(text)
    Template(f"x{text}").line("r", 1, 1)


def test_quotings():
    marks = {Quoting.NONE: ".", Quoting.DOUBLE: "d", Quoting.SINGLE: "s", Quoting.ESCAPED: "e"}
    # A quote that opens counts as what is around it, one that closes as what it encloses.
    text = r"""a'b\'"c$(d"e"f)\"" \{ # 'g"""
    said = "..sss.ddd..dd..ddd.ee....."
    assert "".join(marks[mark] for mark in quotings(text)) == said
