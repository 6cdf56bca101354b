"""Buy till you die: how often customers will come back and what that is worth, from their dates and amounts alone."""
