"""What a request goes through on its way to images."""
