"""Helpers for the authors of plugins: an API in the process, and pulls that never wait."""

from persync.testing.fake import FakeApi, pull_once, quick_client

__all__ = ["FakeApi", "pull_once", "quick_client"]
