"""A small web shop that counts its visits."""
