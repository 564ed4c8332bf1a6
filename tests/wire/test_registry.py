"""Types of the user's own."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest

from zmqwork.errors import ConfigError, DecodeError, EncodeError, UsageError
from zmqwork.wire import registry
from zmqwork.wire.values import decode_value, encode_value, register_codec


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch):
    monkeypatch.setattr(registry, "_by_type", {})
    monkeypatch.setattr(registry, "_by_name", {})


@dataclass(frozen=True)
class Tile:
    x: int
    y: int


@dataclass(frozen=True)
class Sheet:
    tiles: tuple[Tile, ...]


def register_tile(name="tile"):
    register_codec(Tile, name, lambda tile: (tile.x, tile.y), lambda pair: Tile(*pair))


def test_a_registered_type_travels_also_inside_others():
    register_tile()
    register_codec(Sheet, "sheet", lambda sheet: sheet.tiles, Sheet)
    value = {Tile(1, 2): [Sheet((Tile(3, 4), Tile(5, 6)))], "set": {Tile(7, 8)}}
    assert decode_value(encode_value(value)) == value


def test_a_codec_may_itself_encode():
    class Packed:
        def __init__(self, held):
            self.held = held

    register_codec(
        Packed, "packed", lambda p: encode_value((p.held,)), lambda data: decode_value(data)[0]
    )
    value = [1, Packed(2), (3, Packed((4,))), 5]
    assert decode_value(encode_value(value)) == [1, 2, (3, (4,)), 5]


def test_an_unknown_codec_says_what_to_do():
    register_tile()
    data = encode_value(Tile(1, 2))
    registry._by_name.clear()
    with pytest.raises(DecodeError, match=r"no codec 'tile' is registered .*register_codec"):
        decode_value(data)


class Rude(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


def raiser(error):
    def function(_):
        raise error

    return function


def test_a_codec_that_raises_is_an_error_of_ours():
    register_codec(Tile, "tile", raiser(ZeroDivisionError("by zero")), raiser(Rude()))
    with pytest.raises(
        EncodeError, match=r"at \[0\]: codec 'tile' of .*Tile failed: ZeroDivisionError: by"
    ):
        encode_value([Tile(1, 2)])
    register_codec(Tile, "tile", lambda tile: tile.x, raiser(Rude()))
    data = encode_value([Tile(1, 2)])
    with pytest.raises(DecodeError, match="Rude"):
        decode_value(data)


def test_what_a_codec_makes_must_travel_too():
    register_codec(Tile, "tile", lambda tile: threading.Lock(), Tile)
    with pytest.raises(EncodeError, match="lock cannot travel"):
        encode_value(Tile(1, 2))
    register_codec(Tile, "tile", lambda tile: tile, Tile)
    with pytest.raises(EncodeError, match=r"nested more than|contains itself"):
        encode_value(Tile(1, 2))


def test_objects_whose_hash_raises_are_a_decode_error():
    class Odd:
        armed = False

        def __hash__(self):
            if Odd.armed:
                raise Rude
            return 1

    register_codec(Odd, "odd", lambda _: None, lambda _: Odd())
    for value in ({Odd(): 1}, {Odd()}, [({Odd(): 1},)]):
        data = encode_value(value)
        Odd.armed = True
        with pytest.raises(DecodeError):
            decode_value(data)
        Odd.armed = False


def test_a_subclass_needs_a_codec_of_its_own():
    class Special(Tile):
        pass

    register_tile()
    with pytest.raises(EncodeError, match="Special cannot travel"):
        encode_value(Special(1, 2))


def test_registering_again_replaces_and_a_reloaded_class_takes_over():
    register_tile()
    register_tile()
    again = type("Tile", (), {"__module__": Tile.__module__, "__qualname__": Tile.__qualname__})
    register_codec(again, "tile", lambda _: 1, lambda _: "again")
    assert decode_value(encode_value(again())) == "again"


@pytest.mark.parametrize(
    ("cls", "name", "message"),
    [
        (dict, "own", "dict travels as it is"),
        (tuple, "own", "tuple travels as it is"),
        (int, "own", "int travels as it is"),
        ("Tile", "own", "takes a class first"),
        (Sheet, "tile", "'tile' belongs to Tile"),
    ],
)
def test_a_wrong_registration_is_refused(cls, name, message):
    register_tile()
    with pytest.raises(UsageError, match=message):
        register_codec(cls, name, list, list)


@pytest.mark.parametrize("name", ["", "n" * 1000, 7, "two\nlines"])
def test_a_codec_needs_a_name(name):
    with pytest.raises((UsageError, ConfigError), match="name of a codec"):
        register_codec(Tile, name, list, list)


def test_a_codec_needs_two_functions_unless_it_is_for_a_dataclass():
    with pytest.raises(UsageError, match="two functions"):
        register_codec(Tile, "tile", None, Tile)
    with pytest.raises(UsageError, match="two functions"):
        register_codec(Rude, "rude")
    register_codec(Tile, "tile")
    register_codec(Sheet, "sheet")
    value = Sheet((Tile(1, 2),))
    assert decode_value(encode_value(value)) == value


def test_an_older_end_may_lack_fields_and_a_newer_one_is_refused():
    register_codec(Tile, "tile", lambda tile: {"x": tile.x}, Tile)
    data = encode_value(Tile(1, 2))
    register_codec(Tile, "tile")
    with pytest.raises(DecodeError, match="y"):
        decode_value(data)


def test_values_do_not_load_numpy():
    script = (
        "import sys\n"
        "from zmqwork.wire.values import encode_value, decode_value\n"
        "decode_value(encode_value([1, (2,), {3}]))\n"
        "try: encode_value(object())\n"
        "except TypeError: pass\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
