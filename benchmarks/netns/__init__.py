"""Hosts in network namespaces, and a benchmark between them."""
