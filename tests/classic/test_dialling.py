from zmqwork.classic.dialling import FORGET_DELAY, RETRY_DELAY, Contact, Dialled


class Socket:
    def __init__(self):
        self.calls = []
        self.failing = set()

    def connect(self, endpoint, server=""):
        self.calls.append(("connect", endpoint, server) if server else ("connect", endpoint))

    def failed(self):
        return self.failing

    def disconnect(self, endpoint):
        self.calls.append(("disconnect", endpoint))


def plain(*endpoints):
    return tuple(map(Contact, endpoints))


def dialling(socket, trusted=()):
    return Dialled(socket, lambda key: key in trusted)


def test_each_is_dialled_once():
    socket = Socket()
    dialled = dialling(socket)
    first = plain("a", "b")
    dialled.update(first, 1.0)
    dialled.update(first, 2.0)
    dialled.update(plain("a", "b", "c"), 3.0)
    assert socket.calls == [("connect", "a"), ("connect", "b"), ("connect", "c")]
    assert len(dialled) == 3


def test_who_is_gone_is_let_go_later():
    socket = Socket()
    dialled = dialling(socket)
    dialled.update(plain("a", "b"), 1.0)
    dialled.update(plain("b"), 2.0)
    dialled.tidy(2.0 + FORGET_DELAY - 0.1)
    assert ("disconnect", "a") not in socket.calls
    dialled.tidy(2.0 + FORGET_DELAY)
    assert socket.calls[-1] == ("disconnect", "a")
    dialled.update(plain("a", "b"), 20.0)
    assert socket.calls[-1] == ("connect", "a")


def test_who_comes_back_in_time_stays():
    socket = Socket()
    dialled = dialling(socket)
    dialled.update(plain("a"), 1.0)
    dialled.update((), 2.0)
    dialled.update(plain("a"), 3.0)
    dialled.tidy(100.0)
    assert socket.calls == [("connect", "a")]


def test_the_key_that_is_there_is_dialled():
    socket = Socket()
    dialled = dialling(socket, {"K"})
    dialled.update((Contact("a", ("K",)),), 1.0)
    assert socket.calls == [("connect", "a", "K")]


def test_whose_key_is_trusted_no_more_is_cut_at_once():
    socket, trusted = Socket(), {"K"}
    dialled = dialling(socket, trusted)
    contacts = (Contact("a", ("K",)),)
    dialled.update(contacts, 1.0)
    dialled.update((), 1.1)  # it hides: its record is gone first
    trusted.clear()
    dialled.update((), 1.2)
    assert socket.calls[1:] == [("disconnect", "a")]
    assert len(dialled) == 0


def test_another_key_at_an_endpoint_is_dialled_instead():
    socket = Socket()
    dialled = dialling(socket, {"K", "L"})
    dialled.update((Contact("a", ("K",)),), 1.0)
    dialled.update((Contact("a", ("K", "L")),), 2.0)
    assert socket.calls == [("connect", "a", "K")]
    dialled.update((Contact("a", ("L",)),), 3.0)
    assert socket.calls[1:] == [("disconnect", "a"), ("connect", "a", "L")]


def test_what_was_refused_is_tried_again_with_each_key(caplog):
    socket = Socket()
    dialled = dialling(socket, {"K", "L"})
    contacts = (Contact("a", ("K",)),)
    dialled.update(contacts, 1.0)
    contacts = (Contact("a", ("K", "L")),)  # while the key is rotated
    socket.failing = {"a"}
    at = 1.0
    for key in "LKL":
        dialled.update(contacts, at)
        dialled.update(contacts, at + RETRY_DELAY / 2)
        known = len(socket.calls)
        dialled.update(contacts, at + RETRY_DELAY)
        assert socket.calls[known:] == [("disconnect", "a"), ("connect", "a", key)]
        at += RETRY_DELAY
    assert len(caplog.records) == 1
    dialled.update(contacts, at)
    socket.failing = set()
    known = len(socket.calls)
    dialled.update(contacts, at + RETRY_DELAY)
    assert len(socket.calls) == known
