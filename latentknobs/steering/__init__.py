"""Applying knobs to latent codes, interpolation, control directions and the batch decoder."""
