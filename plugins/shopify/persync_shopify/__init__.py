"""The shopify plugin."""
