"""What users would pick instead, on the same work: ``python -m benchmarks.peers``."""
