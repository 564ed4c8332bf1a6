"""How much of anything may come over a link; one place, so that a reader can add it all up.

A sender keeps to these, a receiver refuses what does not: `docs/protocol.md` lists them for other
languages. Sizes are bytes.
"""

from __future__ import annotations

from zmqwork.config import NAME_BYTES_MAX
from zmqwork.core.messages import BATCH_BYTES_MAX
from zmqwork.queues import QUEUES_MAX, WEIGHT_MAX

__all__ = ["QUEUES_MAX", "WEIGHT_MAX"]

# --- frames

# Frame 0 of a message: everything but large payloads (why: ADR 27). A full batch has 1 MiB of
# payloads (and one more below FRAME_OWN_BYTES), 4,096 numbers twice and the texts of failures
# beside them. A task that is a run of its own adds up to 390 bytes, and a destination 830 more:
# 4,096 of them have 6.1 MB, which does not fit, hence DESTINATIONS_MAX (3.6 MB). A full batch of
# RESULTS with a parcel for each has 2.3 MB.
HEADER_BYTES_MAX = 4 * 1024 * 1024

# Payloads of this size and more do not travel inside frame 0: from here on, copying them into it
# costs more than a frame of their own does.
FRAME_OWN_BYTES = 64 * 1024

# The largest frame beside frame 0: 1 MiB and what stands around it (why: ADR 28). A frame that
# takes longer than libzmq's HEARTBEAT_TIMEOUT kills its link (measured: 8 MiB at 1 MB/s never
# arrive), and no other message overtakes it.
PART_BYTES_MAX = 1024 * 1024 + 64 * 1024

# The smallest part of a transfer, its last one excepted: a part costs memory beside its bytes.
PART_BYTES_MIN = 4 * 1024

# Frames of one multipart message. A batch has at most 1 MiB of payloads, hence 17 frames; libzmq
# holds a multipart message back until it is complete, so its count must be bounded.
FRAMES_MAX = 64

# The bytes of those behind frame 0, all together: a full batch, and a last payload that no longer
# fits into it.
FRAMES_BYTES_MAX = BATCH_BYTES_MAX + PART_BYTES_MAX

# --- values and transfers

# One encoded value: a task's arguments or its result. What is larger belongs on a disk both ends
# see, with its path as the argument: nobody wants to send it again when a worker is lost.
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024

# Parts received over one link whose message has not come yet: one value of the largest size, and
# what else fits into its batch.
REASSEMBLY_BYTES_MAX = PAYLOAD_BYTES_MAX + BATCH_BYTES_MAX

# Transfers of one link that wait for their message, complete or not.
TRANSFERS_MAX = 64

# --- msgpack

# Documents up to this size are decoded at once: whatever lengths 4 KiB may claim, msgpack sets
# aside 32 MiB of untouched address space at most. Larger ones are walked through first, without
# making objects (1,024 nested arrays that claim 65,536 items each: 0.2 ms instead of 60 ms).
UNCHECKED_BYTES = 4 * 1024

# Arrays and maps in one frame 0: an empty one is one byte on the wire and 88 bytes in memory.
# A full batch whose tasks all have options of their own has 20,482. A destination is three more:
# DESTINATIONS_MAX of such tasks have 16,386; 4,096, which a receiver takes if they are short, have
# 32,770. A full batch of RESULTS with a parcel for each has 16,386.
CONTAINERS_MAX = 65_536

# Nested maps and arrays of plain values: options, errors, statuses.
PLAIN_DEPTH_MAX = 16

# Nested arrays and maps of a value: what msgpack's decoder can stack.
VALUE_DEPTH_MAX = 1024

# Values inside extension types inside each other (a tuple in a tuple): each level is a decoder of
# its own, a copy of its bytes, and four Python frames.
EXTENSION_DEPTH_MAX = 64

# --- fields

# Numbers are unsigned and have 64 bits, as msgpack's own.
NUMBER_MAX = 2**64 - 1

# Attempts in CREDIT and RECALL; slots and process ids.
COUNT_MAX = 2**32 - 1

# Attempts in an inventory or a CANCEL, RETURN or STARTED: all that one producer may have at one
# worker (`WorkerConfig.slots` and `prefetch_max` together). HAVE asks about as many numbers, and
# ROUTE moves as many tasks, at most.
HELD_MAX = 65_536

# A task's name, with the "[]" that marks its chunks.
TASK_NAME_BYTES_MAX = NAME_BYTES_MAX + 2

# Beside QUEUES_MAX (queues that a worker names, or names of a sink) and WEIGHT_MAX: a worker's
# tasks (each has a second name, for chunks).
TASKS_MAX = 20_000

# The text of a REFUSED; a host's name (RFC 1035: 255 octets); a signature fingerprint.
REFUSAL_BYTES_MAX = 4096
HOST_BYTES_MAX = 255
FINGERPRINT_BYTES_MAX = 128

# Words that say what a node can do.
WORDS_MAX = 64

# Endpoints of one neighbour, and their length (IPv6 in brackets has 53).
ENDPOINTS_MAX = 4
ENDPOINT_BYTES_MAX = 128

# Characters of all texts (types, messages, tracebacks) in the failures of one DONE; beyond it the
# sender shortens them. A character is at most 6 bytes (an escaped surrogate), so they fit.
FAILURE_CHARACTERS_MAX = 600 * 1024

# Seconds in a heartbeat interval or a silence time-out: a day.
SECONDS_MAX = 86_400.0

# Sums of run times and lags: a thousand years, which keeps all arithmetic on them finite.
SUM_MAX = 3.2e10
