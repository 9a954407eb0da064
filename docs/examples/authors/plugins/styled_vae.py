"""StyledVAE of melodies, conditioned on how busy the clip is."""

import importlib.util
from pathlib import Path

from latentknobs import MELODY, BackendFactory, hookimpl

LATENTKNOBS_API = 1


def their_module():
    """styled.py lies beside the plugins folder, which is not on sys.path."""
    spec = importlib.util.spec_from_file_location("styled", Path(__file__).resolve().parents[1] / "styled.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def network():
    import torch
    from torch import nn

    styled = their_module()

    class Coded(styled.StyledVAE):
        """The code is 48 latents, then the class as one-hot."""

        def encode(self, tokens):
            label = styled.busy(tokens.cpu()).to(tokens.device)
            mean, _ = self.posterior(tokens, label)
            return torch.cat([mean, nn.functional.one_hot(label, styled.CLASSES).float()], -1)

        def decode(self, z):
            return self.logits(z[:, : styled.SIZE], z[:, styled.SIZE :])

    return Coded()


def load(location, device):
    from latentknobs import TorchBackend, load_weights

    module = network()
    load_weights(module, location)
    blocks = {"content": 48, "busy": 4}
    return TorchBackend(module, MELODY, name="styled", device=device, file=location, blocks=blocks, condition="busy")


@hookimpl
def register_backends():
    return [BackendFactory("styled", "A melody VAE conditioned on how busy the clip is.", load)]
