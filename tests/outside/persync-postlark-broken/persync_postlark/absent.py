"""Needs what is not installed."""

import persync_postlark_extras  # type: ignore[import-not-found]  # noqa: F401
