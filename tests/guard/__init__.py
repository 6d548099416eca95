"""The guard: what a step did to rows, and what it may not take away in silence."""
