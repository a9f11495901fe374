"""What `make browse` writes: the answers, the training rows, and the page that shows them."""
