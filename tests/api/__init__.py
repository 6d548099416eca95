"""What an application that calls `ensure_migrations` may rely on."""
