"""What is learnt from tests beyond their difference: how large they must be, early looks, covariates, segments, lists."""
