"""Text encoders: titles in, vectors out; on this machine or behind a service."""
