"""Which queues a worker serves, and how it shares itself among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zmqwork.config import check_boolean, check_name, check_number
from zmqwork.errors import ConfigError

# What a WELCOME may name.
QUEUES_MAX = 1024
WEIGHT_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Queues:
    """As a worker was told. ``"low" in queues``: does it serve that one?

    Attributes:
        names: those that it serves; empty: all but `excluded`.
        weights: a whole number for each of `names`: the shares of what it takes when all have
            something; empty: it does not matter of which queue a task is.
        strict: those that are named later only get what the earlier ones leave.
        excluded: those that it does not serve.
    """

    names: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    strict: bool = False
    excluded: tuple[str, ...] = ()

    def __contains__(self, queue: object) -> bool:
        return queue in self.names if self.names else queue not in self.excluded

    @classmethod
    def of(
        cls, queues: Iterable[str], *, strict: bool = False, exclude: Iterable[str] = ()
    ) -> Queues:
        """From what a user says: `queues` are names, or a mapping from names to weights.

        Raises `ConfigError` for what contradicts itself, or is nothing that can be said.
        """
        for what, given in (("queues", queues), ("exclude_queues", exclude)):
            if isinstance(given, str):
                raise ConfigError(f"{what} is a list of names: [{given!r}]")
        check_boolean("strict", strict)
        weights = tuple(queues.values()) if isinstance(queues, Mapping) else ()
        names, excluded = _names("a queue", queues), _names("an excluded queue", exclude)
        for name, weight in zip(names, weights, strict=bool(weights)):
            check_number(f"the weight of queue {name!r}", weight, 1, WEIGHT_MAX)
            if not isinstance(weight, int):
                raise ConfigError(f"the weight of queue {name!r} must be whole, not {weight!r}")
        if strict and (weights or len(names) < 2):
            why = "these have weights" if weights else "name two or more"
            raise ConfigError(f"strict is the order of queues in which they are named: {why}")
        if names and excluded:
            raise ConfigError(
                f"a worker serves the queues that are named ({', '.join(names)}), or all but those "
                f"that are excluded ({', '.join(excluded)}): name one or the other"
            )
        return cls(names, weights, strict, excluded)


# What is said of nothing.
ALL_QUEUES = Queues()


def _names(what: str, given: Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(check_name(what, name) for name in given))
    if len(names) > QUEUES_MAX:
        raise ConfigError(f"{len(names)} queues were named, at most {QUEUES_MAX} are told")
    return names
