"""Asking services over HTTP: one client, its pace and budget, few adapters, and the store that keeps every answer."""
