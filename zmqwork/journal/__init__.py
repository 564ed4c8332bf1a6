"""Journals: what a producer has taken over, on a disk, so that it outlives the process.

::

    journal   what a producer asks of one
    state  totals  what is in one: its tasks, and what is remembered of all
    sqlite    SqliteJournal: one in a file
    database  its connection, and what SQLite's errors mean
    log       its tables: rows with checksums, and notes
    live      which of its records are needed still
    compaction  how it gets rid of the others
    reserve   room on the disk for settlements
    folder    a directory of them, one per process; orphans
    inspection  a look into a file that nobody uses
    machine   which machine this is
"""
