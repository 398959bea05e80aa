"""Signs requests with slack-sdk's own verifier, and asks slack-bolt's receiver what it answers to each.

Takes a file {"secret", "bot", "team", "requests": [{"body", "timestamp", "is_signed"}]} and prints a list
of {"body", "headers", "status"}; without slack-bolt the status is null."""

import json
import logging
import sys

from slack_sdk.signature import SignatureVerifier

try:
    from slack_bolt import App, BoltRequest
    from slack_bolt.authorization import AuthorizeResult
except ImportError:
    App = None

EVENTS = ["app_mention", "message", "app_home_opened", "agent_session_stopped"]


def receiver(told):
    def authorize(**_):
        return AuthorizeResult(
            enterprise_id=None,
            team_id=told["team"],
            bot_user_id=told["bot"],
            bot_id="B0BOT",
            bot_token="xoxb-scripted",
        )

    logging.disable(logging.CRITICAL)
    app = App(signing_secret=told["secret"], authorize=authorize)
    for name in EVENTS:
        app.event(name)(lambda: None)
    return app


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        told = json.load(file)
    verifier = SignatureVerifier(told["secret"])
    app = receiver(told) if App else None
    answers = []
    for request in told["requests"]:
        timestamp = str(request["timestamp"])
        signature = verifier.generate_signature(timestamp=timestamp, body=request["body"])
        if not request["is_signed"]:
            signature = "v0=" + "0" * 64
        headers = {
            "content-type": "application/json",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature,
        }
        status = None
        if app:
            response = app.dispatch(BoltRequest(body=request["body"], headers=dict(headers)))
            status = response.status
        answers.append({"body": request["body"], "headers": headers, "status": status})
    json.dump(answers, sys.stdout)


main()
