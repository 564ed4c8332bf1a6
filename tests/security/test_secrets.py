"""Secret keys are in their files, and nowhere else that somebody may look at."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from zmq.utils import z85

from zmqwork.errors import KeysError
from zmqwork.security import keyring
from zmqwork.security.pairs import fingerprint, new_pair
from zmqwork.security.roster import Key, Member, Roster

HERE = Path(__file__).parent


class Planted:
    """A directory of keys whose secrets are known."""

    def __init__(self, place):
        self.place = place
        self.pair = new_pair()
        self.discovery_key = os.urandom(32)
        place.mkdir(mode=0o700)
        roster = Roster(
            "lab", 1, (Member("desk", ("producer", "admin"), (Key(self.pair.public),)),)
        )
        self.write(
            "node.toml",
            f'name = "desk"\npublic = "{self.pair.public}"\nsecret = "{self.pair.secret}"\n',
        )
        self.write("roster.toml", roster.encode())
        self.write("discovery.key", self.discovery_key.hex())

    def write(self, name, text):
        path = self.place / name
        path.touch(0o600)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def secrets(self):
        """Each secret in the forms in which it might be seen, and the halves of these."""
        raw = z85.decode(self.pair.secret.encode())
        texts = [self.pair.secret, raw.hex(), repr(raw)[2:-1]]
        texts += [self.discovery_key.hex(), repr(self.discovery_key)[2:-1]]
        return [half for text in texts for half in (text[: len(text) // 2], text[-16:])]

    def seen_in(self, text):
        return [secret for secret in self.secrets() if secret in text]


@pytest.fixture
def planted(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    yield Planted(tmp_path / "keys")
    resource.setrlimit(resource.RLIMIT_CORE, before)


def test_the_search_finds_what_is_there(planted):
    assert planted.seen_in((planted.place / "node.toml").read_text())
    assert planted.seen_in((planted.place / "discovery.key").read_text())
    assert not planted.seen_in((planted.place / "roster.toml").read_text())
    assert not planted.seen_in(planted.pair.public)


def test_no_repr_shows_one(planted):
    keys = keyring.load(planted.place)
    shown = f"{keys} {keys!r} {keys.pair} {[keys]} {keys.roster}"
    assert planted.pair.public in shown
    assert not planted.seen_in(shown)


def trail(error):
    """All that a crash report may show of an error: its chain, and the variables of its frames."""
    seen = []
    while error is not None:
        seen += [repr(error), str(error), repr(error.args), repr(vars(error))]
        seen += [repr(getattr(error, name, "")) for name in ("object", "doc", "filename")]
        frame = error.__traceback__
        while frame is not None:
            # (The test's own know the secrets.)
            if frame.tb_frame.f_code.co_filename != __file__:
                seen += [f"{name} = {v!r}" for name, v in frame.tb_frame.f_locals.items()]
            frame = frame.tb_next
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


def node_file(planted, public=None, secret=None, more=""):
    public, secret = public or planted.pair.public, secret or planted.pair.secret
    return f'name = "desk"\npublic = "{public}"\nsecret = "{secret}"\n{more}'


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.write("node.toml", node_file(p).encode() + b"\xff"),
        lambda p: p.write("node.toml", node_file(p, more="]][")),
        lambda p: p.write("node.toml", node_file(p)[:-3]),
        lambda p: p.write("node.toml", node_file(p, public=new_pair().public)),
        lambda p: p.write("node.toml", node_file(p, secret=f"x{p.pair.secret}")),
        lambda p: p.write("node.toml", node_file(p, public=p.pair.secret)),
        lambda p: p.write("node.toml", node_file(p).replace('"desk"', f'"{p.pair.public}!"')),
        lambda p: p.write("node.toml", node_file(p) + "#" * 10_000),
        lambda p: p.write("discovery.key", p.discovery_key.hex() + "00"),
        lambda p: p.write("discovery.key", p.discovery_key.hex()[:-1]),
        lambda p: p.write("discovery.key", p.discovery_key),
        lambda p: (p.place / "node.toml").chmod(0o644),
        lambda p: (p.place / "discovery.key").unlink(),
        lambda p: p.place.chmod(0o755),
    ],
)
def test_no_error_shows_one(planted, spoil):
    spoil(planted)
    with pytest.raises(KeysError) as caught:
        keyring.load(planted.place)
    shown = trail(caught.value)
    assert str(planted.place) in shown
    assert not planted.seen_in(shown)


def test_a_missing_discovery_key_is_called_missing(planted):
    (planted.place / "discovery.key").unlink()
    with pytest.raises(KeysError, match="No such file"):
        keyring.load(planted.place)


CRASH = """
import os, resource, sys
from pathlib import Path
from zmqwork.security import keyring
_, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if sys.argv[1]:
    keyring.load(Path(sys.argv[1]))
print(*resource.getrlimit(resource.RLIMIT_CORE), hard, flush=True)
os.abort()
"""


@pytest.mark.parametrize("has_keys", [True, False])
def test_a_process_that_has_read_keys_leaves_no_core(
    planted, has_keys, tmp_path, private_environment
):
    command = [sys.executable, "-c", CRASH, str(planted.place) if has_keys else ""]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=private_environment, stdout=subprocess.PIPE, text=True
    )
    soft, hard, before = map(int, process.stdout.read().split())
    process.stdout.close()
    _, status = os.waitpid(process.pid, 0)
    process.returncode = status
    assert os.WIFSIGNALED(status)
    assert hard == before
    if before == 0:
        pytest.skip("no process here may leave a core")
    if has_keys:
        assert soft == 1
        assert not os.WCOREDUMP(status)
        assert not list(tmp_path.glob("core*"))
    else:
        assert soft == hard


def test_what_a_program_says_of_itself(planted, tmp_path, private_environment):
    """Logs, tracebacks, stacks, arguments, status and the audit log: 0 hits."""
    state = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, str(HERE / "secrets_program.py"), str(planted.place)],
        env=private_environment | {"XDG_STATE_HOME": str(state)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    audit = (state / "zmqwork" / "audit.jsonl").read_text()
    assert audit.count("\n") == 2
    # What is no secret is there: the search has something to look at.
    key = fingerprint(planted.pair.public)
    assert key in audit
    assert key in done.stdout
    assert "the secret key does not belong to the public one" in done.stderr
    assert "ValueError" in done.stdout
    assert "most recent call" in done.stderr
    assert str(planted.place) in done.stdout  # an argument of the program
    for where, text in {"out": done.stdout, "err": done.stderr, "audit": audit}.items():
        assert planted.seen_in(text) == [], where
