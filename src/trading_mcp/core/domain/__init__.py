"""The nouns of the product as frozen values, and the folds that turn one value into the next."""
