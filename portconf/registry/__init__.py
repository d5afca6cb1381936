"""Where the leases of a machine live: the rules, and the backends that keep them."""
