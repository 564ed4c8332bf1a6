"""A set of whole numbers as ranges: small where they are dense, exact where they are not."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence


class Ranges:
    """Numbers that were taken. Bound: the holes between them, one range more.

    Attributes:
        count: how many numbers are in it.
    """

    __slots__ = ("_firsts", "_lasts", "count")

    def __init__(self, ranges: Iterable[Sequence[int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.count = 0
        for first, last in ranges:
            self.add(first, last)

    def __repr__(self) -> str:
        return f"<Ranges {list(self)}>"

    def __len__(self) -> int:
        return len(self._firsts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges in order, as (first, last), with a gap between any two."""
        return zip(self._firsts, self._lasts, strict=True)

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._firsts, number) - 1
        return index >= 0 and number <= self._lasts[index]

    @property
    def end(self) -> int:
        """The number behind the last one; 0 if there is none."""
        return self._lasts[-1] + 1 if self._lasts else 0

    def add(self, first: int, last: int) -> None:
        """Take in all numbers from `first` to `last`. O(1) at the end, else O(ranges)."""
        firsts, lasts = self._firsts, self._lasts
        if not lasts or first > lasts[-1] + 1:
            firsts.append(first)
            lasts.append(last)
            self.count += last - first + 1
            return
        # All ranges that touch the new one become one with it.
        low = bisect_left(lasts, first - 1)
        high = bisect_right(firsts, last + 1)
        if low < high:
            self.count -= sum(lasts[low:high]) - sum(firsts[low:high]) + high - low
            first = min(first, firsts[low])
            last = max(last, lasts[high - 1])
        firsts[low:high] = [first]
        lasts[low:high] = [last]
        self.count += last - first + 1

    def add_all(self, numbers: Sequence[int]) -> None:
        """Take in these numbers."""
        for first, last in runs(numbers):
            self.add(first, last)

    def lack_all(self, first: int, last: int) -> bool:
        """Whether none of the numbers from `first` to `last` is in it."""
        index = bisect_left(self._lasts, first)
        return index == len(self._firsts) or self._firsts[index] > last

    def lack(self, numbers: Sequence[int]) -> bool:
        """Whether none of these numbers is in it. Quick for what is behind the end."""
        end = self.end
        return min(numbers, default=end) >= end or not any(n in self for n in numbers)

    def gaps(self, first: int, last: int, count_max: int) -> list[list[int]]:
        """The numbers from `first` to `last` that are not in it: the lowest ranges of them."""
        out: list[list[int]] = []
        index = bisect_left(self._lasts, first)
        while first <= last and len(out) < count_max:
            if index == len(self._firsts) or self._firsts[index] > last:
                out.append([first, last])
                break
            if first < self._firsts[index]:
                out.append([first, self._firsts[index] - 1])
            first = self._lasts[index] + 1
            index += 1
        return out


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive numbers that follow one another, as (first, last) each."""
    if not numbers:
        return []
    first, count = numbers[0], len(numbers)
    if numbers[-1] - first == count - 1 and list(numbers) == list(range(first, first + count)):
        return [(first, numbers[-1])]
    out = []
    last = first
    for number in numbers[1:]:
        if number != last + 1:
            out.append((first, last))
            first = number
        last = number
    out.append((first, last))
    return out
