"""How others reach services: names, addresses, and what to ask them."""
