"""Measuring programs: how fast zmqwork is, as ratios to raw programs of the same run."""
