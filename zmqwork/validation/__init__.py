"""Whether the arguments of a call are what its task's function is annotated with.

A **check** is what one annotation says of a value (`checks`), made of it once per task
(`compiling`). It is asked on both ways: a value that is **sent** must fit, and is turned into
something that travels; what has come is **taken**, and is then what the handler gets. Most values
are the same on both ways; models of pydantic are sent as dicts. What does not fit is a `Mismatch`.

Only what is imported at the first call that is checked knows msgspec.
"""
