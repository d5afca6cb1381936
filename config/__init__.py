"""The ports of this repository, for `from config.port_manager import get_port`."""
