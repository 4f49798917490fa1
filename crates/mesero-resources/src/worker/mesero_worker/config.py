"""The configuration of a worker, as the CONFIG frame brings it."""

from __future__ import annotations

import json


class Config:
    def __init__(self, payload: bytes):
        fields = json.loads(payload)
        self.serves_wsgi: bool = fields["serves"] == "wsgi"
        self.callable: str = fields["callable"]
        self.paths: list[str] = fields["paths"]  # Folders that come first in `sys.path`.
        self.processes: int = fields["processes"]
        self.seats: list[int] = fields["seats"]  # File descriptors.
        self.loop_blocked_ms: int | None = fields.get("loop_blocked_ms")
