"""Ready-made stores: where the results of a sink go, and what remembers them.

::

    JsonLines  Csv     a file of lines, and a database beside it that says how long it is
    SqliteTable        rows, in one database with the inbox
    SqliteInbox        the user's own function, in the transaction of its inbox

    line_file  database  taken    what they are made of: a file, SQLite, the numbers
    plain  csv_rows               what becomes of a result in text
    disk  lock                    file systems and errors, one sink at a time
"""

from zmqwork.sinks.csv_file import Csv
from zmqwork.sinks.inbox import SqliteInbox
from zmqwork.sinks.json_lines import JsonLines
from zmqwork.sinks.sqlite_table import SqliteTable

__all__ = ["Csv", "JsonLines", "SqliteInbox", "SqliteTable"]
