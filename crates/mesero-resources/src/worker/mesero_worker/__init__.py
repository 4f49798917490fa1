"""The worker process of mesero: serves one Python callable or WSGI application over inherited sockets.

mesero embeds these files, and the worker imports them from memory (`importer`). PROTOCOL.md, beside this folder,
describes the protocol. Nothing but the standard library is needed.
"""
