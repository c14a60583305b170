"""The five documented steps, one module each, and the loop that runs a request through them."""
