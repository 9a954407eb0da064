"""Files as musicians have them, made here, and what becomes of each when its melody is turned."""
