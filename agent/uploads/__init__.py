"""Uploads: pictures that participants send, checked before anything else may see them."""
