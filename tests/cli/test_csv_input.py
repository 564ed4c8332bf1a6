"""CSV: from bytes to rows, from rows to what parameters are annotated with."""

from __future__ import annotations

import datetime as dt
import io
import pathlib
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional

import pytest

from zmqwork import App
from zmqwork.cli.calls import Calls
from zmqwork.cli.columns import TextColumns
from zmqwork.cli.records import BadInput, Fault, describe
from zmqwork.cli.rows import Rows, parse_delimiter
from zmqwork.errors import UsageError
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

if TYPE_CHECKING:
    from nowhere import Pixels

app = App("csv")

Width = NewType("Width", int)


@app.task
def thumbnail(path: str, width: int = 200, *, crop: bool = False) -> None:
    pass


@app.task
def typed(
    a: float = 0.0,
    b: bool = False,
    c: Decimal = Decimal(0),
    d: dt.date | None = None,
    e: dt.datetime | None = None,
    f: uuid.UUID | None = None,
    g: pathlib.Path | None = None,
    h: Literal["red", "blue", 3] = "red",
    i: Width = 1,
    j: Annotated[int, "pixels"] = 1,
    k: int | str = 1,
    m: int | float = 1,  # noqa: PYI041 - an int stays one
    n: Any = None,
    o=None,
    p: str = "",
    **rest: int,
) -> None:
    pass


@app.task
def empties(a: int | None, b: str | None, c: Optional[int] = 5, d: str = "d", e: int = 7) -> None:  # noqa: UP045
    pass


@app.task
def odd(sizes: list[int], pixels: Pixels = None, first=None, /) -> None:
    pass


def table(data, columns=TextColumns, **options):
    data = data.encode() if isinstance(data, str) else data
    return Rows("FILE", io.BytesIO(data).read, columns, **options)


def values(form):
    found = []
    for record in form.records():
        try:
            if record.fault:
                raise record.fault
            found.append(form.value(record))
        except Fault as fault:
            found.append(describe("FILE", record, fault))
    return found


def rows_of(data, task, **options):
    return values(table(data, Calls(task).columns, **options))


def one(task, name, cell):
    """What a cell of that column becomes."""
    cell = cell.replace('"', '""')
    (row,) = rows_of(f'{name},o\n"{cell}",\n', task)
    return row if isinstance(row, str) else row.get(name, "absent")


def refused(data, task, **options):
    with pytest.raises(BadInput) as caught:
        rows_of(data, task, **options)
    return str(caught.value)


# --- rows


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("", []),
        ("a,b\n", []),
        ("a,b\n1,2", [{"a": "1", "b": "2"}]),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("\ufeffa, b \n 1 ,\n", [{"a": " 1 ", "b": ""}]),
        ('a\n"x\ny, ""z"""\n', [{"a": 'x\ny, "z"'}]),
        ('\n"a"\n\n"1\r\n\r\n2"\n\n', [{"a": "1\r\n\r\n2"}]),
        ("größe\nä\n", [{"größe": "ä"}]),
    ],
)
def test_rows(data, found):
    assert values(table(data)) == found


def test_other_delimiters():
    assert values(table("a;b\n1,5;2\n", delimiter=";")) == [{"a": "1,5", "b": "2"}]
    assert [parse_delimiter(text) for text in (";", "tab", "\\t", "\t", "pipe")] == list(";\t\t\t|")
    for text in ("", ",,", '"', "\n", "\0", "tabs"):
        with pytest.raises(UsageError, match="is no delimiter"):
            parse_delimiter(text)


def test_each_row_has_its_number_its_line_and_its_original_text():
    form = table('a,b\r\n\r\n"1\n\n1" ,x\r\n"2",y\n3,z')
    records = list(form.records())
    assert [(r.number, r.line, r.raw) for r in records] == [
        (0, 3, b'"1\n\n1" ,x\r'),
        (1, 6, b'"2",y'),
        (2, 7, b"3,z"),
    ]
    assert records[1].offset == 18
    assert form.header == b"a,b\r"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1", "line 3: this row has 1 column, and the header has 2\n    1"),
        ("1,2,3", "line 3: this row has 3 columns, and the header has 2\n    1,2,3"),
        ('1,"2"x', "line 3: this is no CSV: ',' expected after '\"'\n    1,\"2\"x"),
        ("1,2\r3", "line 3: this is no CSV: a carriage return stands inside the line"),
        ("1,\x002", "line 3, byte 10: a NUL byte, which no text has"),
    ],
)
def test_a_broken_row_does_not_break_the_next(row, said):
    found = values(table(f"a,b\n1,2\n{row}\n5,6\n"))
    assert found[1].startswith(f"FILE, {said}")
    assert [found[0], found[2]] == [{"a": "1", "b": "2"}, {"a": "5", "b": "6"}]


def test_bytes_that_are_no_text_are_said_with_their_place():
    found = values(table(b'a,b\n"1\n\xff",2\n3,4\n'))
    assert found[0].startswith("FILE, line 2, byte 7: the byte 0xff is no UTF-8")


def test_a_quote_that_is_never_closed():
    assert values(table('a\n1\n"2\n3\n')) == [
        {"a": "1"},
        'FILE, line 3: this is no CSV: a quote is opened here, and never closed\n    "2\\n3',
    ]


def test_a_quote_that_swallows_more_than_a_record_may_have():
    line = b"x" * 1_000_000 + b"\n"
    lines = PAYLOAD_BYTES_MAX // len(line) + 1
    records = list(table(b'a\n1\n"' + line * lines + b'y"\n').records())
    assert records[0].cells == ["1"]
    assert records[1].fault.is_cut
    assert len(records[1].raw) <= len(line)
    assert records[2].fault is not None or records[2].cells


def test_a_large_cell_is_a_cell():
    cell = "x" * 1_000_000
    assert values(table(f'a\n"{cell}"\n')) == [{"a": cell}]


# --- the header


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            "path,widht\n",
            (
                "FILE, line 1: unknown column 'widht': did you mean width?; thumbnail takes path, "
                "width, crop\n    path,widht"
            ),
        ),
        ("path,colour\n", "unknown column 'colour'; thumbnail takes path, width, crop"),
        ("width\n", "no column 'path', which thumbnail needs; thumbnail takes path, width, crop"),
        ("path,width,path\n", "two columns have the name 'path'"),
        ("path,,width\n", "column 2 has no name; the first row names the columns"),
        ("path;width\n", "unknown column 'path;width'"),
        ("path;width\n", ". Is it --delimiter ';'?"),
        ("path\twidth\n", ". Is it --delimiter tab?"),
        ('"path\n', "FILE, line 1: this is no CSV: a quote is opened here, and never closed"),
        ("\n\npa\0th\n", "FILE, line 3, byte 4: a NUL byte"),
        ("\x1f\ufeff\n", "unknown column"),
    ],
)
def test_a_header_that_does_not_fit_the_task(data, said):
    assert said in refused(data, thumbnail)


def test_parameters_that_no_column_can_be():
    assert "unknown column 'x'; odd takes no arguments by name" in refused("x\n", odd)


def test_a_task_of_another_kind_says_what_to_use():
    @app.task
    def pair(first, /, second=1):
        pass

    assert "pair does not take 'first' by name: use --jsonl, with lists, or --as-one" in refused(
        "second\n", pair
    )
    assert "unknown column 'first'" in refused("first\n", pair)


def test_annotations_that_text_cannot_become():
    @app.task
    def sums(sizes: list[int], pixels: Pixels = None, x: int | bytes = 0):
        pass

    assert (
        "column 'sizes': the annotation list[int] is none that a text can become (str, int, float, "
        "bool, Decimal, Path, UUID, datetime, date are): use --jsonl, where values have types"
    ) in refused("sizes\n", sums)
    assert "the annotation int | bytes" in refused("x,sizes\n", sums)

    @app.task
    def shot(path: str, pixels: Pixels = None):
        pass

    assert rows_of("path\na\n", shot) == [{"path": "a"}]
    assert "column 'pixels': the annotation Pixels is none" in refused("path,pixels\n", shot)


def test_a_task_that_tells_nothing_gets_texts():
    task = app.task(name="opaque")(dict.update)
    assert task.signature is None
    assert rows_of("a,b\n1,\n", task) == [{"a": "1", "b": ""}]


# --- cells


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("a", "1.5", 1.5),
        ("a", " 7 ", 7.0),
        ("a", "-1e3", -1000.0),
        ("a", "inf", float("inf")),
        ("b", "TRUE", True),
        ("b", "yes", True),
        ("b", "0", False),
        ("b", "No", False),
        ("c", "1.10", Decimal("1.10")),
        ("d", "2026-02-03", dt.date(2026, 2, 3)),
        ("e", "2026-02-03T04:05Z", dt.datetime(2026, 2, 3, 4, 5, tzinfo=dt.UTC)),
        ("f", "12345678-1234-5678-1234-567812345678", uuid.UUID("12345678" + "12345678" * 3)),
        ("g", "a/b", pathlib.Path("a/b")),
        ("h", "blue", "blue"),
        ("h", "3", 3),
        ("i", "5", 5),
        ("j", "+5", 5),
        ("k", "5", 5),
        ("k", " five ", " five "),
        ("m", "5", 5),
        ("m", "5.5", 5.5),
        ("n", "5", "5"),
        ("p", " 5 ", " 5 "),
        ("whatever", "5", 5),
    ],
)
def test_cells_become_what_the_annotation_says(name, cell, value):
    found = one(typed, name, cell)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "cell", "said"),
    [
        ("a", "fast", "'fast' is no float"),
        ("a", "1_0", "'1_0' is no float"),
        ("b", "maybe", "'maybe' is no bool: true or false, yes or no, 1 or 0"),
        ("b", "2", "'2' is no bool"),
        ("c", "ten", "'ten' is no Decimal"),
        ("d", "03.02.2026", "'03.02.2026' is no date | None"),
        ("f", "x", "'x' is no "),
        ("h", "green", "'green' is no Literal['red', 'blue', 3]"),
        ("i", "2.0", "'2.0' is no "),
        ("j", "1_000", "'1_000' is no "),
        ("j", "\u0663", "is no "),
        ("j", "9" * 5_000, "is no "),
        ("m", "x", "'x' is no int | float"),
        ("whatever", "x", "'x' is no int"),
    ],
)
def test_a_cell_of_another_type_is_said_with_its_column(name, cell, said):
    found = one(typed, name, cell)
    assert found.startswith(f"FILE, line 2, column '{name}': ")
    assert said in found


def test_annotations_that_are_no_text_either_way():
    def shot(path, width, sizes=()):
        pass

    shot.__annotations__ = {
        "path": str,
        "width": Annotated[Width | None, 1],
        "sizes": dict[str, int],
    }
    task = app.task(shot)
    assert rows_of("path,width\na,7\n,\n", task) == [
        {"path": "a", "width": 7},
        {"path": "", "width": None},
    ]
    assert "the annotation dict[str, int] is none" in refused("path,width,sizes\n", task)


def test_empty_cells():
    assert rows_of("a,b,c,d,e\n,,,,\n  ,  , , ,\n", empties) == [
        {"a": None, "b": None, "d": ""},
        {"a": None, "b": None, "d": " "},
    ]
    assert rows_of("path,width,crop\n,,\n", thumbnail) == [{"path": ""}]
    assert one(typed, "k", "") == "absent"
    assert one(typed, "whatever", "") == "absent"
    assert one(typed, "n", "") == ""

    @app.task
    def scale(size: int, text: int | str):
        pass

    assert rows_of("size,text\n1,\n ,x\n", scale) == [
        {"size": 1, "text": ""},
        "FILE, line 3, column 'size': this is empty, where int is wanted\n     ,x",
    ]


def test_as_one_a_row_is_a_dictionary_of_texts():
    form = table("path,colour\na,7\n", Calls(thumbnail, as_one=True).columns)
    assert values(form) == [{"path": "a", "colour": "7"}]
    assert values(table("x\n7\n", Calls(None).columns)) == [{"x": "7"}]
