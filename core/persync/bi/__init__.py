"""BI tools over the `v_*` views: their configuration, and copies of the views for those that cannot read a store in use."""
