"""Blocks that methods share: layers, optimisers, encoders, generators and discriminators."""
