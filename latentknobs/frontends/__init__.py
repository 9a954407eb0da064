"""Front ends: each is a plugin, and none imports another."""
