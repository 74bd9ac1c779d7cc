"""Pixels outside the networks: files, masks, degradations, tiles and labelled grids."""
