"""Files for other programs: tables, views and metrics in the forms they read, and lists that a platform imports."""
