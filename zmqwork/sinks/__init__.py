"""Ready-made stores: where the results of a sink go, and what remembers them.

::

    JsonLines  Csv     a file of lines, and a database beside it that says how long it is
    SqliteTable        rows, in one database with the inbox
    Files              a file per result
    Stdout             lines for whoever reads; nothing is remembered
    SqliteInbox        the user's own function, in the transaction of its inbox

    line_file  database  taken    what they are made of: a file, SQLite, the numbers
    plain  csv_rows               what becomes of a result in text
    disk  opening                 which places are none, one sink at a time; ``--out``
"""

from zmqwork.sinks.csv_file import Csv
from zmqwork.sinks.files import Files
from zmqwork.sinks.inbox import SqliteInbox
from zmqwork.sinks.json_lines import JsonLines
from zmqwork.sinks.opening import open_store
from zmqwork.sinks.sqlite_table import SqliteTable
from zmqwork.sinks.stdout import Stdout

__all__ = ["Csv", "Files", "JsonLines", "SqliteInbox", "SqliteTable", "Stdout", "open_store"]
