"""TwoHead: a VAE of two-bar melodies with a latent for lines and one for rhythm."""

import sys
from pathlib import Path
from latentknobs import MELODY, BackendFactory, hookimpl

LATENTKNOBS_API = 1

LINE, TIME = 48, 16


def network():
    import torch
    from torch import nn

    sys.path.append(str(Path(__file__).resolve().parents[1]))  # the folder of twohead.py
    from twohead import TwoHead

    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = TwoHead()

        def encode(self, tokens):
            line, line_logvar, time, time_logvar = self.net.forward_encoder(tokens)
            return {"mean": torch.cat([line, time], -1), "logvar": torch.cat([line_logvar, time_logvar], -1)}

        def decode(self, z):
            return self.net.forward_decoder(z[:, :LINE], z[:, LINE:])

    return Joined()


def load(location, device):
    from latentknobs import TorchBackend, load_weights

    module = network()
    load_weights(module.net, location)
    return TorchBackend(
        module, MELODY, name="twohead", device=device, file=location, blocks={"lines": LINE, "rhythm": TIME}
    )


@hookimpl
def register_backends():
    return [BackendFactory("twohead", "A VAE with a latent for lines and one for rhythm.", load)]
