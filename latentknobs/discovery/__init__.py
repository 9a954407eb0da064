"""Finding knobs: pairs and their statistics, bases, selectors, fits, and the run itself."""
