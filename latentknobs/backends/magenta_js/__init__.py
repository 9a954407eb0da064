"""MusicVAE checkpoints of magenta.js: read from their folder with numpy, run in torch."""
