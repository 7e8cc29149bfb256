"""OpenAPI: what a worker takes and gives, generated from the signatures of the versions in charge."""
