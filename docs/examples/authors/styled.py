"""StyledVAE: a conditional VAE of 2-bar melodies. The condition is how busy the clip is, 4 classes. Weights: styled.pt"""

import torch
from torch import nn

SIZE, CLASSES = 48, 4


def busy(x):
    """Class of a LongTensor (B, 32): 0 = under 6 onsets, 1 = 6-9, 2 = 10-13, 3 = 14 and more."""
    return torch.bucketize((x < 128).sum(1), torch.tensor([6, 10, 14]), right=True)


class StyledVAE(nn.Module):
    def __init__(self, hidden=512):
        super().__init__()
        self.emb = nn.Embedding(130, 32)
        self.enc = nn.Sequential(nn.Linear(32 * 32 + CLASSES, hidden), nn.SiLU(), nn.Linear(hidden, 2 * SIZE))
        self.dec = nn.Sequential(nn.Linear(SIZE + CLASSES, hidden), nn.SiLU(), nn.Linear(hidden, 32 * 130))

    def posterior(self, x, label):
        """x (B, 32) tokens, label (B,) class -> mu, logvar (B, 48)."""
        c = nn.functional.one_hot(label, CLASSES).float()
        return self.enc(torch.cat([self.emb(x).flatten(1), c], -1)).chunk(2, -1)

    def logits(self, z, label_onehot):
        """z (B, 48), label_onehot (B, 4) -> (B, 32, 130)."""
        return self.dec(torch.cat([z, label_onehot], -1)).view(-1, 32, 130)
