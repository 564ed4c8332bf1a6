"""The checks of one task: asked for each of its calls, made at the first one."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from zmqwork.errors import ArgumentError, SoftTimeout
from zmqwork.validation.hints import annotation_of
from zmqwork.validation.mismatch import Mismatch, said
from zmqwork.validation.refusal import Refusal

if TYPE_CHECKING:
    from zmqwork.validation.checks import Check

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

# Kinds of calls that a task remembers to fit; most tasks have one.
_FITTING_MAX = 256

_log = logging.getLogger("zmqwork")


class _Parameter(NamedTuple):
    """What is said of one parameter: by the check, of each value that it gets."""

    name: str
    check: Check


class _Plan(NamedTuple):
    """What is said of all; None: nothing is said of that one."""

    positional: list[_Parameter | None]
    rest: _Parameter | None
    named: dict[str, _Parameter | None]
    more: _Parameter | None


class CallChecks:
    """Whether calls of one task fit the annotations of its function.

    Args:
        task: its name, for errors.
        function: whose annotations they are.
        signature: of that; None: nobody can see it, and nothing is checked.
        accepts: raises TypeError unless the function can be called so.
    """

    def __init__(
        self,
        task: str,
        function: Callable[..., Any],
        signature: inspect.Signature | None,
        accepts: Callable[..., None],
    ) -> None:
        self._task = task
        self._function = function
        self._signature = signature
        self._accepts = accepts
        self._made: _Plan | None = None  # at the first call: names may be defined late
        # Types of the arguments, and their names, of calls that fit. Bounded by _FITTING_MAX.
        self._fitting: set[tuple[Any, ...]] = set()

    def send(self, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        """The arguments of a call as they travel. It can be made: that was checked before.

        Raises:
            ArgumentError: one is not what its parameter is annotated with.
        """
        return self._go(args, kwargs, "send", ArgumentError)

    def take(self, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        """The arguments that have come, as the handler gets them.

        Raises:
            Refusal: one does not fit, or the function does not take such a call at all.
        """
        try:
            self._accepts(*args, **kwargs)
        except TypeError as error:
            raise Refusal(f"{self._task}: {error}") from None
        return self._go(args, kwargs, "take", Refusal)

    def _go(
        self, args: Args, kwargs: Kwargs, way: str, error: type[ArgumentError]
    ) -> tuple[Args, Kwargs]:
        # Nearly all calls are of types that fit as they are, and were seen before.
        kinds = (
            (*map(type, args), *kwargs, *map(type, kwargs.values()))
            if kwargs
            else tuple(map(type, args))
        )
        if kinds in self._fitting:
            return args, kwargs
        plan = self._made or self._plan()
        asked = False
        made: list[Any] | None = None
        for index, value in enumerate(args):
            extra = index - len(plan.positional)
            one = plan.positional[index] if extra < 0 else plan.rest
            if one is None or type(value) in one.check.kinds:
                continue
            asked = True
            new = self._ask(one, way, value, f"[{extra}]" if extra >= 0 else "", error)
            if new is not value:
                made = made or list(args)
                made[index] = new
        named: dict[str, Any] | None = None
        for name, value in kwargs.items():
            one = plan.named.get(name, plan.more)
            if one is None or type(value) in one.check.kinds:
                continue
            asked = True
            new = self._ask(one._replace(name=name), way, value, "", error)
            if new is not value:
                named = named or dict(kwargs)
                named[name] = new
        if not asked:
            self._remember(kinds)
        return made or args, named or kwargs

    def _remember(self, kinds: tuple[Any, ...]) -> None:
        if len(self._fitting) >= _FITTING_MAX:
            self._fitting.clear()
        self._fitting.add(kinds)

    def _ask(
        self, one: _Parameter, way: str, value: Any, step: str, error: type[ArgumentError]
    ) -> Any:
        name = one.name
        try:
            return getattr(one.check, way)(value)
        except Mismatch as wrong:
            if step:
                wrong.within(step)
            text = f"{self._task}: argument {name!r}{wrong.place} {wrong.problem}"
            raise error(text, name) from None
        except (SoftTimeout, MemoryError):
            raise  # neither says anything of the argument
        except Exception as other:
            text = f"{self._task}: argument {name!r} cannot be checked: {said(other)}"
            raise error(text, name) from other

    def _plan(self) -> _Plan:
        parameters = list(self._signature.parameters.values()) if self._signature else []
        made = {parameter.name: self._parameter(parameter) for parameter in parameters}
        by_kind: dict[Any, list[str]] = {}
        for parameter in parameters:
            by_kind.setdefault(parameter.kind, []).append(parameter.name)
        only = by_kind.get(inspect.Parameter.POSITIONAL_ONLY, [])
        both = by_kind.get(inspect.Parameter.POSITIONAL_OR_KEYWORD, [])
        by_name = by_kind.get(inspect.Parameter.KEYWORD_ONLY, [])
        (rest,) = by_kind.get(inspect.Parameter.VAR_POSITIONAL, [""])
        (more,) = by_kind.get(inspect.Parameter.VAR_KEYWORD, [""])
        self._made = _Plan(
            [made[name] for name in only + both],
            made.get(rest),
            {name: made[name] for name in both + by_name},
            made.get(more),
        )
        return self._made

    def _parameter(self, parameter: inspect.Parameter) -> _Parameter | None:
        # It loads msgspec, which most programs do without.
        from zmqwork.validation.compiling import check_of  # noqa: PLC0415

        annotation = annotation_of(parameter, self._function)
        if annotation is parameter.empty:
            return None
        if parameter.default is None:
            annotation = annotation if isinstance(annotation, str) else _or_none(annotation)

        doubts: dict[str, None] = {}
        check = check_of(annotation, doubts.setdefault)
        for why in doubts:
            _log.warning(
                "task %r: argument %r is not checked as it is annotated: %s",
                self._task, parameter.name, why,
            )  # fmt: skip
        return None if check is None else _Parameter(parameter.name, check)


def _or_none(annotation: Any) -> Any:
    """``width: int = None``, as many write it, allows for None."""
    try:
        return annotation | None
    except TypeError:  # not what a union can be made of: then nothing is said of it
        return annotation
