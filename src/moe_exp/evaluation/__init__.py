"""What is concluded: predictions of the test stars, scores, paired bootstrap, results and published values."""
