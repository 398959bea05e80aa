"""The official MCP client for Python against the real program, over HTTP and over standard input and output,
with the present protocol and with the one before it.

`make test` runs it: scripts/tools.sh installs the client.
"""

import json
import threading
import time
import unittest
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from docent import PROGRAM, Docent

QUESTION = "How often is fct_trips loaded?"


class Model(ThreadingHTTPServer):
    """A chat model that says a word every `gap` seconds."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Words)
        self.words = ["The ", "table ", "is ", "loaded ", "hourly ", "[1]."]
        self.gap = 0.0
        self.stopped = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Words(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        try:
            for word in self.server.words:
                time.sleep(self.server.gap)
                self.say({"content": word}, None)
            self.say({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.stopped.set()

    def say(self, delta, finish_reason):
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


class McpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = Model()
        cls.docent = Docent(
            {
                "DOCENT_CHAT__KIND": "openai",
                "DOCENT_CHAT__BASE_URL": cls.model.url,
                "DOCENT_CHAT__MODEL": "scripted",
                "DOCENT_CHAT__RETRIES": "0",
            }
        )

    @classmethod
    def tearDownClass(cls):
        cls.model.shutdown()
        cls.model.server_close()
        cls.docent.end()

    def setUp(self):
        self.model.gap = 0.0
        self.model.stopped.clear()

    def test_over_http(self):
        self.docent.serve()
        try:
            for mode in ["auto", "legacy"]:
                with self.subTest(mode):
                    anyio.run(self.use, mode, self.over_http)
            self.assertEqual(anyio.run(self.without_a_key), 401)
        finally:
            self.docent.stop()

    def test_over_stdio(self):
        for mode in ["auto", "legacy"]:
            with self.subTest(mode):
                anyio.run(self.use, mode, self.over_stdio)

    def test_over_stdio_beside_serve(self):
        self.docent.serve()
        try:
            anyio.run(self.use, "auto", self.over_stdio)
        finally:
            self.docent.stop()

    def over_stdio(self):
        docent = self.docent
        return StdioServerParameters(command=str(PROGRAM), args=[*docent.arguments, "mcp"], env=docent.environment)

    @asynccontextmanager
    async def over_http(self, key=None):
        headers = {"authorization": f"Bearer {key or self.docent.key}"}
        timeout = httpx2.Timeout(60)
        async with (
            httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as client,
            streamable_http_client(f"{self.docent.url}/mcp", http_client=client) as streams,
        ):
            yield streams

    async def use(self, mode, transport):
        self.setUp()
        async with Client(transport(), mode=mode) as client:
            self.assertEqual(client.server_info.name, "docent")
            self.assertEqual(client.protocol_version >= "2026", mode == "auto")
            self.assertIn("data products", client.instructions)
            # From now on the client checks every result against its tool's schema.
            tools = (await client.list_tools()).tools
            self.assertEqual([tool.name for tool in tools], ["ask", "search_docs", "get_asset"])
            self.assertTrue(all(tool.annotations.read_only_hint for tool in tools))

            told = []

            async def tell(progress, total, message):
                told.append(message)

            answer = await client.call_tool("ask", {"question": QUESTION}, progress_callback=tell)
            self.assertFalse(answer.is_error, answer)
            self.assertEqual(answer.structured_content["outcome"], "answered")
            self.assertEqual(answer.structured_content["generator"], "model")
            self.assertEqual(answer.structured_content["citations"][0]["path"], "fct_trips.md")
            self.assertIn("The table fct_trips is loaded hourly.", answer.content[0].text)
            self.assertEqual(told[:2], ["looking for passages", "reading 1 passages"])

            found = await client.call_tool("search_docs", {"query": QUESTION, "limit": 3})
            self.assertEqual(found.structured_content["passages"][0]["owner"], "Trips Team")
            asset = await client.call_tool("get_asset", {"name": "FCT_TRIPS"})
            self.assertEqual(asset.structured_content["slack"], "#trips")
            nothing = await client.call_tool("get_asset", {"name": "fct_trip"})
            self.assertEqual(nothing.structured_content["nearest"], ["fct_trips"])
            wrong = await client.call_tool("search_docs", {"query": QUESTION, "limit": 1000})
            self.assertTrue(wrong.is_error)
            self.assertIn("limit is 1 to 50", wrong.content[0].text)

            # A call that is given up stops the model.
            self.model.gap = 0.2
            words, self.model.words = self.model.words, ["word "] * 200
            try:
                with anyio.move_on_after(1.0):
                    await client.call_tool("ask", {"question": QUESTION})
                stopped = await anyio.to_thread.run_sync(self.model.stopped.wait, 10)
                self.assertTrue(stopped, "the model was stopped")
            finally:
                self.model.words = words

    async def without_a_key(self):
        """The client cannot begin, and its user learns what is wrong from the status."""
        with self.assertRaises((MCPError, BaseExceptionGroup)) as refused:
            async with Client(self.over_http("docent_unknown"), mode="legacy"):
                pass
        self.assertIsInstance(innermost(refused.exception), MCPError)
        async with httpx2.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{self.docent.url}/mcp", json={})
            self.assertEqual(response.headers["www-authenticate"], "Bearer")
            return response.status_code


def innermost(error):
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    unittest.main()
