"""One module for each peer (see `driver.Driver`); it imports its own peer, and no other."""
