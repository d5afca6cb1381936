"""JSON with comments, as VS Code has it: read, and edited by single splices."""
