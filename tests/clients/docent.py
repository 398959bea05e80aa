"""The real program, for clients that are written in Python."""

import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "docent"
DOCUMENT = """---
asset: fct_trips
owner: Trips Team
owner_slack: "#trips"
---
# fct_trips

The table fct_trips is loaded hourly.
"""


class Docent:
    """The program over one document, with these settings in its environment."""

    def __init__(self, settings):
        self.folder = tempfile.TemporaryDirectory(prefix="docent-mcp-")
        folder = Path(self.folder.name)
        (folder / "docs").mkdir()
        (folder / "docs" / "fct_trips.md").write_text(DOCUMENT)
        (folder / "docent.toml").write_text(
            '[[source]]\nname = "docs"\nkind = "folder"\npath = "docs"\nowner = "Trips Team"\n'
        )
        self.arguments = ["--config", str(folder / "docent.toml"), "--data", str(folder / "data")]
        self.environment = {**os.environ, **settings}
        self.run("ingest")
        self.key = re.search(r"docent_\w{32,}", self.run("key", "create", "client", "--role", "admin"))[0]

    def run(self, *command):
        done = subprocess.run([PROGRAM, *self.arguments, *command], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # Whoever calls must have the key.
        settings = {"DOCENT_SERVER__PORT": str(port), "DOCENT_ACCESS__ANONYMOUS": "never", "DOCENT_LOG__LEVEL": "error"}
        self.serving = subprocess.Popen([PROGRAM, *self.arguments, "serve"], env={**self.environment, **settings})
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/readyz").close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("docent does not become ready")

    def stop(self):
        self.serving.terminate()
        assert self.serving.wait(30) == 0, "docent ends well"

    def end(self):
        self.folder.cleanup()
