"""Journals: what a producer has taken over, on a disk, so that it outlives the process.

::

    journal   what a producer asks of one
    state     what is in one: batches in, a legacy out
"""
