"""Sums that many stores can be added up from: each client gives away aggregates alone, an agency merges them.

Nothing that names anybody leaves a store: no key, no hash of one, no address, no order. What is left is in `document`.
"""
