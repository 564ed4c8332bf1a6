"""Journals in PostgreSQL."""

from trial import Skip

from scenarios import scenario


@scenario("postgres", "C22")
def postgres(trial):
    """A PostgreSQL journal whose server is killed."""
    del trial
    raise Skip("zmqwork has no journal in PostgreSQL: only files (docs/guarantees.md, L2)")
