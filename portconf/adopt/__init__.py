"""What a project's files say of its ports today, and the declaration made of it."""
