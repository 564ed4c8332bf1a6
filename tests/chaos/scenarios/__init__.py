"""What is done to real processes and links, a file for each, or for a few of one kind.

A scenario is a function that is given a `Trial`; its first line says what it does, `covers` the
numbers that it has in the plan. What it finds wrong it notes with `Trial.hold`, or raises.
"""


def scenario(name, *covers):
    """Make this function a scenario of this name."""

    def mark(function):
        function.scenario = (name, covers)
        return function

    return mark
