from __future__ import annotations

import sys
import textwrap

import pytest

from zmqwork.app import App
from zmqwork.cli.target import load_app
from zmqwork.errors import UsageError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current directory of the test's own; modules that are imported from it are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", "") and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


@pytest.fixture
def write(here):
    def write(name, text):
        path = here / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))

    return write


@pytest.fixture
def refused(here):
    def refused(target):
        with pytest.raises(UsageError) as caught:
            load_app(target)
        return str(caught.value)

    return refused


ONE = """
import zmqwork
app = zmqwork.App("one")
same = app
"""

TWO = """
import zmqwork
images = zmqwork.App("images")
mails = zmqwork.App("mails")
class space:
    inner = images
"""


def test_module_and_attribute(write):
    write("zwt_one.py", ONE)
    app = load_app("zwt_one:app")
    assert isinstance(app, App)
    assert load_app("zwt_one") is app
    write("zwt_two.py", TWO)
    assert load_app("zwt_two:mails").name == "mails"
    assert load_app("zwt_two:space.inner").name == "images"


def test_a_package(write):
    write("zwt_package/__init__.py", "")
    write("zwt_package/tasks.py", ONE)
    assert load_app("zwt_package.tasks").name == "one"


def test_the_current_directory_comes_first_unless_python_was_told_otherwise(here, write):
    write("zwt_one.py", ONE)
    load_app("zwt_one")
    assert sys.path[0] == str(here)
    load_app("zwt_one")
    assert sys.path.count(str(here)) == 1


def test_a_missing_module_is_said_as_python_says_it_with_the_path(here, write, refused):
    write("zwt_thumbs.py", ONE)
    text = refused("zwt_thumb:app")
    assert "cannot import 'zwt_thumb:app'\nModuleNotFoundError: No module named 'zwt_thumb'" in text
    assert [f"  searched  {path}" for path in sys.path] == [
        line for line in text.splitlines() if "searched" in line
    ]
    assert str(here) in text
    assert text.endswith("did you mean zwt_thumbs:app?")
    assert "PYTHONPATH" in refused("zwt_xyzzy")


def test_a_dot_where_a_colon_belongs(write, refused):
    write("zwt_one.py", ONE)
    assert refused("zwt_one.app").endswith("did you mean zwt_one:app?")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("zwt_one.py", "is a file: name the module, zwt_one"),
        ("sub/zwt_one.py:app", "zwt_one:app (in the directory sub)"),
        ("", "'' is not MODULE:APP"),
        (":app", "is not MODULE:APP"),
        ("a b:app", "is not MODULE:APP"),
        (".one", "is not MODULE:APP"),
        ("a..b", "is not MODULE:APP"),
        ("http://x", "has no attribute '//x'"),
    ],
)
def test_what_is_no_module(refused, target, said):
    assert said in refused(target)


def test_a_colon_at_the_end(write, refused):
    write("zwt_one.py", ONE)
    assert "write zwt_one:APP" in refused("zwt_one:")


def test_a_wrong_attribute_names_the_nearest_app(write, refused):
    write("zwt_two.py", TWO)
    text = refused("zwt_two:image")
    assert "module 'zwt_two' has no attribute 'image'" in text
    assert "zwt_two.py" in text
    assert text.endswith("did you mean zwt_two:images?")
    assert refused("zwt_two:xyzzy").endswith("it has zwt_two:images, zwt_two:mails")
    assert refused("zwt_two:space.outer").endswith("it has zwt_two:images, zwt_two:mails")


def test_an_attribute_that_is_no_app(write, refused):
    write("zwt_one.py", ONE)
    text = refused("zwt_one:zmqwork")
    assert "is not a zmqwork.App, but of type module" in text
    assert "did you mean zwt_one:app?" in text


def test_several_apps_or_none(write, refused):
    write("zwt_two.py", TWO)
    assert refused("zwt_two").endswith("say which, zwt_two:images or zwt_two:mails")
    write("zwt_none.py", "x = 1")
    assert "app = zmqwork.App('zwt_none')" in refused("zwt_none")
    assert "app = zmqwork.App('zwt_none')" in refused("zwt_none:y")
    assert "built in" in refused("sys")


def test_a_module_that_breaks_is_shown_from_its_own_first_line_on(write, refused):
    write(
        "zwt_broken.py",
        """
        def load():
            return {}["key"]
        load()
        """,
    )
    text = refused("zwt_broken:app")
    assert text.startswith("cannot import 'zwt_broken'\nTraceback (most recent call last):\n")
    assert "KeyError: 'key'" in text
    assert text.splitlines()[2].lstrip().startswith("File ")
    assert "zwt_broken.py" in text.splitlines()[2]
    assert "importlib" not in text


def test_a_module_whose_own_import_is_missing_is_not_called_missing(write, refused):
    write("zwt_needs.py", "import zwt_not_there_either")
    text = refused("zwt_needs:app")
    assert "No module named 'zwt_not_there_either'" in text
    assert "searched" not in text
    assert "zwt_needs.py" in text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(:", "SyntaxError"),
        ("import sys; sys.exit(3)", "It ended the program while it was imported"),
        ("raise MemoryError", "MemoryError"),
        ("\0", "null bytes"),
    ],
)
def test_other_ways_to_break(write, refused, source, said):
    write("zwt_bad.py", source)
    assert said in refused("zwt_bad")


def test_ctrl_c_while_it_is_imported_is_ctrl_c(write):
    write("zwt_slow.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_app("zwt_slow")
