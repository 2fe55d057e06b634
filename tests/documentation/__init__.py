"""The notebooks of the documentation, executed again: what they show is what the commands say today."""
