"""TwoHead: my little VAE of 2-bar melodies with two latents, one for lines and one for rhythm. Weights: twohead.pt"""

import torch
from torch import nn

LINE, TIME = 48, 16  # latent sizes


class TwoHead(nn.Module):
    def __init__(self, hidden=512):
        super().__init__()
        self.emb = nn.Embedding(130, 32)
        self.trunk = nn.Sequential(nn.Linear(32 * 32, hidden), nn.SiLU())
        self.line_head = nn.Linear(hidden, 2 * LINE)
        self.time_trunk = nn.Sequential(nn.Linear(32 * 3, 128), nn.SiLU())
        self.time_head = nn.Linear(128, 2 * TIME)
        self.time_out = nn.Sequential(nn.Linear(TIME, 256), nn.SiLU(), nn.Linear(256, 32 * 3))
        self.note_out = nn.Sequential(nn.Linear(LINE + 96, hidden), nn.SiLU(), nn.Linear(hidden, 32 * 128))

    def forward_encoder(self, x):
        """x: LongTensor (B, 32) of tokens 0..127 pitch, 128 hold, 129 rest. Returns (mu_line, logvar_line, mu_time, logvar_time)."""
        mu_l, lv_l = self.line_head(self.trunk(self.emb(x).flatten(1))).chunk(2, -1)
        kind = nn.functional.one_hot((x == 128) + 2 * (x == 129), 3).float().flatten(1)
        mu_t, lv_t = self.time_head(self.time_trunk(kind)).chunk(2, -1)
        return mu_l, lv_l, mu_t, lv_t

    def forward_decoder(self, z_line, z_time):
        """Returns (B, 32, 130) log-probabilities."""
        kind = self.time_out(z_time).view(-1, 32, 3).log_softmax(-1)
        note = self.note_out(torch.cat([z_line, kind.exp().flatten(1)], -1)).view(-1, 32, 128).log_softmax(-1)
        return torch.cat([note + kind[..., :1], kind[..., 1:]], -1)
