"""Telling somebody how a job ended: what to say, to whom, when, and the ways persync brings along."""
