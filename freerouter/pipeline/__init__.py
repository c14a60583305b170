"""The five documented steps, one module each, and the loop that takes a request through them."""
