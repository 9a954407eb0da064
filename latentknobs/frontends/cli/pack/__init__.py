"""``latentknobs pack``: knobs for other people."""
