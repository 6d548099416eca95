"""Every page of docs/ is built, its links lead somewhere, and what it shows is so."""
