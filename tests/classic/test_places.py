import pytest

from zmqwork.classic.places import Realm, Static, place_of
from zmqwork.errors import ConfigError, InsecureBind
from zmqwork.patterns.pipeline import Sink, Ventilator, Worker


def test_a_name_is_a_realm():
    assert place_of("squares") == Realm("squares")
    assert place_of(Realm("squares", discovery="local,mdns")).discovery == ("local", "mdns")


def test_endpoints_as_people_write_them():
    static = Static(ventilator="host:5557", sink=("tcp://127.0.0.1:1", "ipc:///tmp/s"))
    assert static.of("ventilator") == ("tcp://host:5557",)
    assert static.of("sink") == ("tcp://127.0.0.1:1", "ipc:///tmp/s")
    assert static.of("control") == ()


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: place_of("tcp://127.0.0.1:5557"), "Static"),
        (lambda: place_of(None), "Static"),
        (lambda: Static(ventilator="udp://x:1"), "is not spoken here"),
        (lambda: Static(ventilator="tcp://x"), "no port"),
        (lambda: Static(sink="tcp://*:x"), "no endpoint to bind"),
        (lambda: Static(sink="dns://x:1"), "plain endpoints"),
        (lambda: Static(sink=(1,)), "is a text"),
        (lambda: Realm(""), "realm"),
        (lambda: Realm("a\x1fb"), "printable"),
        (lambda: Realm("a", discovery="locl"), "did you mean local"),
        (lambda: Realm("a", discovery="local,static"), "type the endpoints"),
        (lambda: Realm("a", interface="eth0"), "is for mdns"),
        (lambda: Ventilator("a", batch=0), "batch"),
        (lambda: Ventilator("a", batch=65_537), "at most 65,536"),
        (lambda: Ventilator("a", hwm=1.5), "whole number"),
        (lambda: Ventilator("a", patience=-1), "patience"),
        (lambda: Ventilator("a", linger=-1), "linger"),
        (lambda: Worker(None, "a"), "function"),
        (lambda: Worker(len, "a", name="x\n"), "name"),
        (lambda: Sink("a", quiet=-1), "quiet"),
        (lambda: Sink("a", expect=-1), "expect"),
        (lambda: Sink("a", expect=1.5), "whole number"),
        (lambda: Ventilator("a", name=""), "name"),
        (lambda: Sink("a", ventilators=0), "ventilators"),
        (lambda: Sink(Static(ventilator="tcp://127.0.0.1:1")), "no endpoint for the sink"),
        (lambda: Sink(Static(sink="ipc:///tmp/x"), controls=True), "no endpoint for the control"),
        (lambda: Worker(len, Static(ventilator="tcp://*:5557")), "where to bind"),
    ],
)
def test_what_is_wrong_is_said(make, complaint):
    with pytest.raises(ConfigError, match=complaint):
        make()


def test_other_machines_are_kept_out_unless_asked_for():
    with pytest.raises(InsecureBind):
        Ventilator(Static(ventilator="tcp://*:5557"))
    with pytest.raises(InsecureBind):
        Sink(Static(sink="tcp://0.0.0.0:5558"))
