"""What is done to real processes and links, a file for each, or for a few of one kind.

A scenario is a function that is given a `Trial`; its first line says what it does, `covers` the
numbers that it has in the plan. What it finds wrong it notes with `Trial.hold`, or raises.
"""


def scenario(name, *covers, by_command=False):
    """Make this function a scenario. `by_command`: even its short form is too long for the tests."""

    def mark(function):
        function.scenario = (name, covers)
        function.by_command = by_command
        return function

    return mark
