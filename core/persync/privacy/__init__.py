"""What people may ask of a shop about their data: to be forgotten, and to be told what is known."""
