"""SQL texts of the measures."""
