"""Judges what docent sends to Slack by the models of slack-sdk.

Reads a file of JSON lines, each `{"blocks": […]}` or `{"view": {…}}`, and prints what is wrong with them.
"""

import json
import sys

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View


def judge(block):
    parsed = Block.parse(block)
    if parsed is None:
        return "slack-sdk knows no such block"
    parsed.validate_json()
    for element in getattr(parsed, "elements", None) or []:
        if element is None:
            return "slack-sdk knows no such element"
        if hasattr(element, "validate_json"):
            element.validate_json()
    text = getattr(parsed, "text", None)
    if hasattr(text, "validate_json"):
        text.validate_json()
    return None


def main(path):
    judged = wrong = 0
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            payload = json.loads(line)
            if "view" in payload:
                View(**payload["view"]).validate_json()
                payload = payload["view"]
            for block in payload.get("blocks", []):
                judged += 1
                try:
                    fault = judge(block)
                except Exception as error:  # each model has errors of its own
                    fault = error
                if fault:
                    wrong += 1
                    print(f"line {number}: {block.get('type')}: {fault}")
    print(f"judged {judged} blocks")
    return 1 if wrong or not judged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
