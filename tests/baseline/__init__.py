"""Recording what a database holds already."""
