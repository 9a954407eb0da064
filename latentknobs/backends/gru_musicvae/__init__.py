"""The GRU MusicVAE of Yang et al. (NIME 2019), with sizes by config: network, training, weights, backend."""
