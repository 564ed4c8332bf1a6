"""Messages and values to bytes and back: the only import of msgpack, and the place of all limits.

Bytes of a peer are judged here and nowhere else: what comes out of `codec.Decoder` has the types
and ranges that `core.messages` promises, and what is not like that raises `DecodeError`.
`docs/protocol.md` is the same in words, for other languages; `tests/wire/golden.json` in bytes.

Where to look::

    values       arguments and results          codec       messages
    nesting      values inside values           verbs       their numbers
    extensions   the types beyond msgpack       writing     a message's fields, out
    registry     types of the user's own        reading     a message's fields, in
    arrays       numpy                          fields      what a field may hold
    diagnosis    which part cannot travel       payloads    where a message's payloads are
    unfit        why this one cannot            parts       payloads too large for a frame
    packing      msgpack, guarded               channel     between a worker and its children
    recording    what a journal writes down
    limits       how much of anything
"""
