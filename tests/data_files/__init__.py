"""Files of very many INSERTs: what is promised of every file holds of them too, and they are not held in memory."""
