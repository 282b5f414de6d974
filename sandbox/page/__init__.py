"""The demo's page: static files, and the endpoint that lets a browser into a room."""
