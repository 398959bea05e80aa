#!/usr/bin/env bash
# Measures the question sets of tests/eval in one table:
#   scripts/eval.sh DOCENT [ARGUMENT...]
# MOZILLA_DATA_DOCS: a clone of Mozilla's documents (see tests/eval/README.md); without it their
# questions are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
docent=$1
shift

sets=(tests/eval/demo.questions.jsonl=demo/docs tests/eval/follow-ups.jsonl@demo=demo/docs)
if [ -n "${MOZILLA_DATA_DOCS:-}" ]; then
    sets+=("tests/eval/mozilla-data-docs.questions.jsonl=$MOZILLA_DATA_DOCS"
        "tests/eval/follow-ups.jsonl@mozilla-data-docs=$MOZILLA_DATA_DOCS")
else
    echo "MOZILLA_DATA_DOCS is not set: the questions about Mozilla's documents are left out" >&2
fi
exec "$docent" eval "${sets[@]}" "$@"
