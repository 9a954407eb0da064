"""Training of the networks of gru_musicvae and magenta_js: config, clips, loop, checkpoints, commands."""
