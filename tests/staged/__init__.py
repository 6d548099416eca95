"""Steps of several commits: how they stop half-way, go on, and are taken back."""
