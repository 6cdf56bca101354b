"""What commands answer: worked out once, for the command line to print and for /api/v1 to hand over as one JSON object."""
