"""`watch`: what keeps a checkout's files current, and rings when something happens."""
