"""The hubspot plugin."""
