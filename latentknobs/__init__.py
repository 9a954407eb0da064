"""latentknobs finds the controls of a trained VAE: which latent directions does a musical edit move?"""

__version__ = "0.1.0"
