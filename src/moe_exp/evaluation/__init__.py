"""What is concluded: predictions of the test stars, scores, paired bootstrap, and results of one run."""
