"""Work on several cores or machines, with the same bytes on any number of them."""
