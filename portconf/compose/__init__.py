"""What Compose files say of ports, read without resolving or rewriting anything."""
