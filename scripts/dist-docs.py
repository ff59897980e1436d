#!/usr/bin/env python3
"""Makes the links of the documents in an unpacked release work, and fails if one does not.

The repository has more files than a release. A link to one that the release lacks becomes its text.

    scripts/dist-docs.py FOLDER
"""

import re
import sys
from pathlib import Path

# Without images and without links in code.
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    found: set[str] = set()
    for heading in headings:
        text = re.sub(r"[^\w\- ]", "", LINK.sub(r"\1", heading).lower()).replace(" ", "-")
        number = next(n for n in range(1000) if (f"{text}-{n}" if n else text) not in found)
        found.add(f"{text}-{number}" if number else text)
    return found


def is_external(target: str) -> bool:
    return re.match(r"[a-z]+:", target) is not None


def without_missing(document: Path, folder: Path) -> str:
    def replaced(link: re.Match[str]) -> str:
        target = link[2].partition("#")[0]
        if is_external(link[2]) or not target:
            return link[0]
        path = (document.parent / target).resolve()
        return link[0] if path.exists() and path.is_relative_to(folder) else link[1]

    parts = FENCE.split(document.read_text())
    return "".join(part if part.startswith("```") else LINK.sub(replaced, part) for part in parts)


def broken(document: Path) -> list[str]:
    links = LINK.findall(FENCE.sub("", document.read_text()))
    found = []
    for _, target in links:
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        if is_external(target):
            continue
        if not linked.exists() or (anchor and linked.suffix == ".md" and anchor not in anchors(linked)):
            found.append(f"{document}: {target}")
    return found


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    documents = sorted(folder.rglob("*.md"))
    for document in documents:
        document.write_text(without_missing(document, folder))
    found = [link for document in documents for link in broken(document)]
    if found:
        sys.exit("broken links:\n" + "\n".join(found))
    print(f"dist: the links of {len(documents)} documents work", file=sys.stderr)


main()
