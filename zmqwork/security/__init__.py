"""Keys: who a node is, whom it trusts, and how that is kept. The only part that touches them."""
