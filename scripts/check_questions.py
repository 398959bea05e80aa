#!/usr/bin/env python3
"""Checks a question file against the documents that it asks about.

  scripts/check_questions.py tests/eval/demo.questions.jsonl demo/docs
  scripts/check_questions.py tests/eval/follow-ups.jsonl demo=demo/docs mozilla-data-docs=FOLDER

FILE holds one JSON object a line. Two shapes are known, told apart by their keys:
  question    id, question, lang, kind, gold, answer
  follow-up   id, corpus, turns (the first question and the one that leans on it), gold, answer
gold lists {path, evidence, line}: path relative to the corpus folder with / between parts, evidence
verbatim in that file, line the 1-based line where it begins (it may run on into the next ones).

A fault is: a line that is no such object, an id used twice, a question asked twice, an unknown kind
or language, a gold file that is not there or lies outside of the folder, evidence that does not
begin on its line, no gold for a question that has an answer or gold for one that has none, a
`multi` question whose gold names fewer than two files, and a verified_absent_terms entry that does
occur in the corpus (case does not count).

A CORPUS is a folder, or NAME=FOLDER for rows with a `corpus` field; rows whose corpus was not given
are counted as unchecked, and their form is checked all the same. Standard library only.
Exit code: 0 no fault, 1 faults (listed on standard error), 2 could not run.
"""

import argparse
import collections
import json
import pathlib
import sys

KINDS = ("single", "paraphrase", "multi", "typo", "korean", "unanswerable")
LANGUAGES = ("en", "ko")


class Corpus:
    """The text files of a folder, read when they are first asked for."""

    def __init__(self, root):
        self.root = root.resolve()
        self.texts = {}
        self.everything = None

    def text(self, path):
        """The file's text with line ends as \\n, or None where the folder holds no such file."""
        if path not in self.texts:
            file = (self.root / path).resolve()
            inside = self.root in file.parents
            self.texts[path] = read(file) if inside and file.is_file() else None
        return self.texts[path]

    def mentions(self, term):
        """Paths of the files in which the term occurs, whatever its case."""
        if self.everything is None:
            paths = (f.relative_to(self.root) for f in self.root.rglob("*") if f.is_file())
            # Hidden files (.git) are no documents.
            shown = [p for p in paths if not any(part.startswith(".") for part in p.parts)]
            self.everything = [(p.as_posix(), read(self.root / p).lower()) for p in sorted(shown)]
        return [path for path, text in self.everything if term.lower() in text]


def read(file):
    # Bytes that are no UTF-8 cannot be quoted; they must not stop the search in the rest.
    return file.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")


def rows(file):
    """Line number, the object on it (None where there is none) and why it could not be read."""
    for number, line in enumerate(read(file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield number, None, f"is no JSON: {error}"
            continue
        if isinstance(row, dict):
            yield number, row, None
        else:
            yield number, None, "is no JSON object"


def is_text(value):
    return isinstance(value, str) and bool(value.strip())


def form_faults(row):
    """Faults that show without the documents."""
    if not is_text(row.get("id")):
        yield "has no id"
    if not is_text(row.get("answer")):
        yield "has no answer"
    if "turns" in row:
        turns = row["turns"]
        if not isinstance(turns, list) or len(turns) != 2 or not all(map(is_text, turns)):
            yield "turns must be two questions"
        if not is_text(row.get("corpus")):
            yield "a follow-up names its corpus"
        kind = None
    else:
        if not is_text(row.get("question")):
            yield "has no question"
        kind = row.get("kind")
        if kind not in KINDS:
            yield f"kind {kind!r} is none of {', '.join(KINDS)}"
        if row.get("lang") not in LANGUAGES:
            yield f"lang {row.get('lang')!r} is none of {', '.join(LANGUAGES)}"
        if kind == "korean" and row.get("lang") != "ko":
            yield "a korean question has lang ko"
    terms = row.get("verified_absent_terms", [])
    if not isinstance(terms, list) or not all(map(is_text, terms)):
        yield "verified_absent_terms must be a list of words"
    gold = row.get("gold")
    if not isinstance(gold, list) or not all(isinstance(item, dict) for item in gold):
        yield "gold must be a list of objects"
        return
    if kind == "unanswerable" and gold:
        yield "an unanswerable question has no gold"
    if kind != "unanswerable" and not gold:
        yield "has no gold"
    if kind == "multi" and len({item.get("path") for item in gold}) < 2:
        yield "the gold of a multi question names at least two files"
    for item in gold:
        if not is_text(item.get("path")) or not is_text(item.get("evidence")):
            yield f"gold {item!r} needs path and evidence"
        elif str(pathlib.PurePosixPath(item["path"])) != item["path"]:
            # docent names a document by its plain path; another spelling would never be retrieved.
            yield f"gold path {item['path']!r} is not written plainly"
        line = item.get("line")
        if isinstance(line, bool) or not isinstance(line, int) or line < 1:
            yield f"gold {item!r} needs a line from 1 on"


def document_faults(row, corpus):
    """Faults of a well-formed row against its documents."""
    for item in row["gold"]:
        path, evidence, line = item["path"], item["evidence"], item["line"]
        text = corpus.text(path)
        if text is None:
            yield f"{path} is not in {corpus.root}"
            continue
        lines = text.split("\n")
        # Only as many lines as the evidence has: it must begin on this one.
        window = "\n".join(lines[line - 1 : line + evidence.count("\n")])
        if evidence in window:
            continue
        found = [text[:at].count("\n") + 1 for at in places(text, evidence)]
        where = f"it is on {', '.join(map(str, found))}" if found else "it is nowhere in the file"
        yield f"{path}:{line} does not hold {evidence!r}; {where}"
    for term in row.get("verified_absent_terms", []):
        mentions = corpus.mentions(term)
        if mentions:
            yield f"{term!r} was to be absent, but occurs in {', '.join(mentions[:3])}"


def places(text, part):
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=pathlib.Path)
    parser.add_argument("corpus", metavar="CORPUS", nargs="+", help="FOLDER or NAME=FOLDER")
    options = parser.parse_args()
    if not options.file.is_file():
        parser.error(f"{options.file} is not a file")
    known = {}
    for argument in options.corpus:
        name, equals, folder = argument.partition("=")
        if not equals:
            name, folder = None, argument
        if not pathlib.Path(folder).is_dir():
            parser.error(f"{folder} is not a folder")
        if name in known:
            parser.error(f"two folders for {name or 'rows without a corpus field'}")
        known[name] = Corpus(pathlib.Path(folder))

    faults, counts, unchecked = [], collections.Counter(), collections.Counter()
    ids, asked, gold_files = {}, {}, set()
    for number, row, problem in rows(options.file):
        if row is None:
            faults.append(f"line {number}: {problem}")
            continue
        name = f"line {number} ({row.get('id', 'no id')})"
        found = list(form_faults(row))
        counts["follow-up" if "turns" in row else str(row.get("kind"))] += 1
        for seen, key, what in (
            (ids, row.get("id"), "the id"),
            (asked, str(row.get("turns", row.get("question"))), "the question"),
        ):
            if key in seen:
                found.append(f"has {what} of line {seen[key]}")
            seen.setdefault(key, number)
        if not found:
            corpus = known.get(row.get("corpus"))
            if corpus is None:
                unchecked[row.get("corpus") or "no corpus field"] += 1
            else:
                found = list(document_faults(row, corpus))
                gold_files.update((row.get("corpus"), item["path"]) for item in row["gold"])
        faults.extend(f"{name}: {fault}" for fault in found)

    if not counts and not faults:
        parser.error(f"{options.file} holds no question")
    for kind in (*KINDS, "follow-up", *sorted(set(counts) - {*KINDS, "follow-up"})):
        if counts[kind]:
            print(f"{kind:14}{counts[kind]:5}")
    print(f"{'all':14}{sum(counts.values()):5}   over {len(gold_files)} files")
    for corpus, count in sorted(unchecked.items()):
        print(f"{'unchecked':14}{count:5}   for want of a folder for: {corpus}")
    for fault in faults:
        print(f"{options.file}: {fault}", file=sys.stderr)
    print(f"{'faults':14}{len(faults):5}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
