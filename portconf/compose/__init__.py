"""What Compose files say of ports, nothing resolved, with the place of every token."""

# In the order in which Compose looks for them (compose-go, `DefaultFileNames`).
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
# What Compose reads beside the first of them, whatever a project calls its own.
ENV = ".env"
# What `portconf export --format compose-override` writes.
GENERATED = "compose.portconf.yaml"
# What `--format compose-network` writes.
NETWORK = "portconf.network.env"


def resembles(name: str) -> bool:
    """Tell whether a file is named like a Compose file, and is not one that we write."""
    return "compose" in name and name.endswith((".yml", ".yaml")) and name != GENERATED
