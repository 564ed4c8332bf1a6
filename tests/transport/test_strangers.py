"""Who comes to nothing is counted, and told of once a minute."""

from __future__ import annotations

import logging

from zmqwork.transport.strangers import Strangers


def test_the_first_is_told_at_once_and_later_ones_together(caplog):
    caplog.set_level(logging.INFO, "zmqwork")
    strangers = Strangers()
    for instant in (100.0, 101.0, 159.9, 160.0, 161.0):
        strangers.left(instant)
    told = [record.getMessage() for record in caplog.records]
    assert [text.split(": ")[1].split(" ")[0] for text in told] == ["1", "3"]
