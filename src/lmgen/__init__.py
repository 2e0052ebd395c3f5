"""Word-level language models of the lm_1b family."""
