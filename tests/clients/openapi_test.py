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
# A good request may be refused for what no schema says: a source, a conversation or an answer that there is not,
# a token that nobody has signed, a page that may not have the widget.
NOT_CHECKED = "positive_data_acceptance"


class OpenApiTest(unittest.TestCase):
    def setUp(self):
        self.docent = Docent({"DOCENT_WIDGET__ALLOWED_ORIGINS": "https://wiki.example.com"})
        self.docent.serve()

    def tearDown(self):
        self.docent.stop()
        self.docent.end()

    def test_the_service_does_as_it_says(self):
        for title, headers in [
            ("with a key", {"authorization": f"Bearer {self.docent.key}"}),
            ("from a page with the widget", {"origin": "https://wiki.example.com"}),
        ]:
            with self.subTest(title), tempfile.TemporaryDirectory() as folder:
                program = Path(sys.executable).parent / "schemathesis"
                command = [program, "run", f"{self.docent.url}/openapi.json", "--url", self.docent.url]
                command += ["--checks", "all", "--exclude-checks", NOT_CHECKED]
                command += ["--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-color"]
        XX
                for name, value in headers.items():
                    command += ["--header", f"{name}: {value}"]
                ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                self.assertEqual(ran.returncode, 0, f"\n{ran.stdout}\n{ran.stderr}")


if __name__ == "__main__":
    unittest.main()
