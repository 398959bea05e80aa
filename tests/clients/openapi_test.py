"""The running service against its own /openapi.json: schemathesis makes up requests, right and wrong ones, and
looks whether the answers are as described. Bounded, and the same each time.

`make test` runs it: scripts/tools.sh installs schemathesis.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from docent import Docent

# Requests for each route; with them a run stays below a minute.
EXAMPLES = 25


class OpenApiTest(unittest.TestCase):
    def setUp(self):
        self.docent = Docent({"DOCENT_WIDGET__ALLOWED_ORIGINS": "https://wiki.example.com"})
        self.docent.serve()

    def tearDown(self):
        self.docent.stop()
        self.docent.end()

    def test_every_route_does_as_it_says(self):
        self.holds({"authorization": f"Bearer {self.docent.key}"})

    def test_sessions_of_the_widget_begin_as_it_says(self):
        self.holds({"origin": "https://wiki.example.com"}, "--include-path", "/v1/widget/sessions")

    def holds(self, headers, *only):
        program = Path(sys.executable).parent / "schemathesis"
        command = [program, "--config-file", Path(__file__).with_name("schemathesis.toml")]
        command += ["run", f"{self.docent.url}/openapi.json", "--url", self.docent.url, *only]
        command += ["--max-examples", str(EXAMPLES), "--generation-deterministic", "--continue-on-failure", "--no-color"]
        for name, value in headers.items():
            command += ["--header", f"{name}: {value}"]
        with tempfile.TemporaryDirectory() as folder:
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, f"\n{ran.stdout}\n{ran.stderr}")


if __name__ == "__main__":
    unittest.main()
