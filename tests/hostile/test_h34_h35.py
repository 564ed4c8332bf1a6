"""H34 and H35: key files that are unsafe, or spoiled; at a node that starts, and at one that runs."""

import os
import subprocess
import sys

import pytest
from hostile_lab import Lab
from hostile_node import HERE, until

from zmqwork.security import contents

WAYS = {
    "readable by others": lambda path: path.chmod(0o644),
    "writable by others": lambda path: path.chmod(0o622),
    "a link": lambda path: path.rename(path.with_suffix(".x")) and path.symlink_to(
        path.with_suffix(".x")
    ),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "empty": lambda path: path.write_bytes(b""),
    "a directory": lambda path: path.unlink() or path.mkdir(),
    "a pipe": lambda path: path.unlink() or os.mkfifo(path, 0o600),
    "noise": lambda path: path.write_bytes(bytes(range(256))),
    "the public half twice": lambda path: path.write_text(swapped(path)),
    "large": lambda path: path.write_bytes(path.read_bytes() + b"#" * 10_000_000),
}  # fmt: skip


def swapped(path):
    """The public key in the place of the secret one."""
    name, pair = contents.read_node(path)
    return f'name = "{name}"\npublic = "{pair.public}"\nsecret = "{pair.public}"\n'


@pytest.fixture
def keys(place, tmp_path, monkeypatch):
    """Keys of a test of its own."""
    monkeypatch.setenv("ZMQWORK_KEYS", str(tmp_path / "keys"))
    return Lab(tmp_path)


CASES = [
    (name, way)
    for name in ("node.toml", "roster.toml", "discovery.key")
    for way in WAYS
    if name == "node.toml" or way != "the public half twice"  # the others have no halves
]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_h34_a_file_that_cannot_be_used_is_named_and_not_shown(keys, name, way):
    path = keys.place / name
    secrets = [keys.ours.secret, (keys.place / "discovery.key").read_text().strip()]
    WAYS[way](path)
    if name == "roster.toml" and way == "truncated":
        path.write_bytes(path.read_bytes()[:-60])
    for words in (["worker", "hostile_app:app", "--realm", "r"], ["keys", "check"]):
        done = subprocess.run(
            [sys.executable, "-m", "zmqwork", *words],
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == (1 if words[0] == "keys" else 78), said
        assert name in said
        assert "Traceback" not in said
        assert not [secret for secret in secrets if secret[5:25] in said]


@pytest.fixture(scope="module")
def worker(keyed):
    return keyed


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "[[member]",
        lambda text: text.replace("serial = ", "serial = 0 #"),
        lambda text: text.replace('"producer"', '"king"'),
        lambda text: text + text[text.index("[[member]]") :],
        lambda text: text + "#" * 10_000_000,
        lambda text: "",
        lambda text: "\0" * 100,
        lambda text: f"x = {'[' * 2000}",
        lambda text: f"serial = {'9' * 5000}",
    ],
    ids=["torn", "serial", "role", "twins", "large", "empty", "zeros", "nested", "digits"],
)
def test_h35_a_spoiled_roster_changes_nothing_at_a_node_that_runs(lab, node, spoil):
    """The node says so; who was a member is one; and the next good one is taken."""
    path = lab.place / "roster.toml"
    good = path.read_text()
    said = node.text().count("the keys are not used as they are now")
    path.write_text(spoil(good))
    try:
        until(
            lambda: node.text().count("the keys are not used as they are now") > said,
            "the node complains",
        )
        node.honest.work()
    finally:
        path.write_text(good)
    pair, _, _ = lab.member("producer")
    peer = until(lambda: lab.enter(node, pair), "a member of the next roster is let in")
    peer.close()
