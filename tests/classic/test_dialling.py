from zmqwork.classic.dialling import FORGET_DELAY, Dialled


class Socket:
    def __init__(self):
        self.calls = []

    def connect(self, endpoint):
        self.calls.append(("connect", endpoint))

    def disconnect(self, endpoint):
        self.calls.append(("disconnect", endpoint))


def test_each_is_dialled_once():
    socket = Socket()
    dialled = Dialled(socket)
    first = ("a", "b")
    dialled.update(first, 1.0)
    dialled.update(first, 2.0)
    dialled.update(("a", "b", "c"), 3.0)
    assert socket.calls == [("connect", "a"), ("connect", "b"), ("connect", "c")]
    assert len(dialled) == 3


def test_who_is_gone_is_let_go_later():
    socket = Socket()
    dialled = Dialled(socket)
    dialled.update(("a", "b"), 1.0)
    dialled.update(("b",), 2.0)
    dialled.tidy(2.0 + FORGET_DELAY - 0.1)
    assert ("disconnect", "a") not in socket.calls
    dialled.tidy(2.0 + FORGET_DELAY)
    assert socket.calls[-1] == ("disconnect", "a")
    dialled.update(("a", "b"), 20.0)
    assert socket.calls[-1] == ("connect", "a")


def test_who_comes_back_in_time_stays():
    socket = Socket()
    dialled = Dialled(socket)
    dialled.update(("a",), 1.0)
    dialled.update((), 2.0)
    dialled.update(("a",), 3.0)
    dialled.tidy(100.0)
    assert socket.calls == [("connect", "a")]
