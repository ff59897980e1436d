#!/usr/bin/env python3
"""Generates the table of number ranges that decides which numbers may be called.

    scripts/numbering-plan.py            prints how the committed table differs from the generated one
    scripts/numbering-plan.py --write    prints the difference and writes the table
    scripts/numbering-plan.py --check    prints the difference and fails if there is one

The data are libphonenumber's, in the version that is pinned below. The Python package `phonenumbers`
publishes them unchanged under libphonenumber's version number. pip downloads it once into .tools/ and
checks its hash. To update: change VERSION and SHA256, run with --write, read the difference, and run
the tests of `domain`.

Needs Python 3.8 or newer with pip, and no other package.
"""

import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path

VERSION = "9.0.43"
SHA256 = "349bc799f15e010e35bd2c7d28149950ae74479cb1e11fb054ed9a95ecb4b437"

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "crates/domain/data/numbering-plan.txt"
WHEEL = ROOT / f".tools/phonenumbers-{VERSION}-py2.py3-none-any.whl"

# An E.164 number has at most this many digits, with the calling code.
MAX_DIGITS = 15
# Of two types that contain a number, libphonenumber takes the first one in this order.
SPECIAL_TYPES = [
    ("premium_rate", "premium"),
    ("toll_free", "toll-free"),
    ("shared_cost", "shared-cost"),
    ("voip", "voip"),
    ("personal_number", "personal"),
    ("pager", "pager"),
    ("uan", "company"),
    ("voicemail", "voicemail"),
]
# Fixed and mobile lines are one type here, because no rule distinguishes them.
STANDARD = "standard"

HEADER = f"""\
# The ranges of phone numbers that are in use, from libphonenumber {VERSION}.
# Copyright (C) The Libphonenumber Authors, Apache License 2.0.
#
# Written by scripts/numbering-plan.py. Do not edit: an update overwrites it.
#
# First a line for each country: its calling code, and the prefix that numbers have when they are written
# as at home (`-` for none). Then sections: a line with a country and a type of line starts one. Each
# other line of the section is a range: the first and the last prefix in it, and the number of digits of
# its phone numbers. Prefixes and lengths include the calling code.
"""


def main():
    mode = sys.argv[1] if len(sys.argv) == 2 else ""
    if len(sys.argv) > 2 or mode not in ("", "--write", "--check"):
        sys.exit(__doc__)
    phonenumbers = load_phonenumbers()
    generated = generate(phonenumbers)
    compare_with_library(generated, phonenumbers)
    countries = country_lines(phonenumbers)
    committed = TABLE.read_text() if TABLE.exists() else ""
    difference = list(differences(read_table(committed), generated))
    difference += sorted(set(countries) ^ set(read_countries(committed)))
    for line in difference:
        print(line)
    print(f"{len(generated)} ranges, {len(difference)} differences", file=sys.stderr)
    text = table_text(countries, generated)
    if mode == "--write":
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(text)
    elif mode == "--check" and (not TABLE.exists() or TABLE.read_text() != text):
        sys.exit(f"{TABLE.relative_to(ROOT)} is stale: run scripts/numbering-plan.py --write")


def load_phonenumbers():
    if not WHEEL.exists():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
            requirement.write(f"phonenumbers=={VERSION} --hash=sha256:{SHA256}\n")
            requirement.flush()
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
            options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", WHEEL.parent]
            subprocess.run([*pip, *options, "--requirement", requirement.name], check=True)
    sys.path.insert(0, str(WHEEL))
    import phonenumbers

    assert phonenumbers.__version__ == VERSION, phonenumbers.__version__
    return phonenumbers


# Sets of numbers
#
# A set of numbers with their labels is a decision graph without cycles. A node is a pair: the label
# of the number that ends here, and the ten nodes for the next digit, or None if no number is longer.
# Equal nodes are one node, so a node is an index into NODES. Node 0 is the empty set.

NODES = []
NODE_INDEX = {}


def node(label, children):
    if children is not None and not any(children):
        children = None
    key = (label, children)
    if key not in NODE_INDEX:
        NODE_INDEX[key] = len(NODES)
        NODES.append(key)
    return NODE_INDEX[key]


EMPTY = node(None, None)
NO_CHILDREN = (EMPTY,) * 10


def merge(first, second, label):
    """The numbers of both sets. `label` receives a number's two labels (None: not in the set)."""
    known = {}

    def visit(a, b):
        if a == EMPTY and b == EMPTY:
            return EMPTY
        if (a, b) not in known:
            (label_a, children_a), (label_b, children_b) = NODES[a], NODES[b]
            children = None
            if children_a or children_b:
                pairs = zip(children_a or NO_CHILDREN, children_b or NO_CHILDREN)
                children = tuple(visit(x, y) for x, y in pairs)
            known[a, b] = node(label(label_a, label_b), children)
        return known[a, b]

    return visit(first, second)


def relabel(numbers, label):
    return merge(EMPTY, numbers, lambda _, old: None if old is None else label(old))


def pattern_set(pattern, longest, lengths=(), is_prefix=False):
    """The numbers that a pattern matches as a whole, or as a prefix, labelled True."""
    steps, jumps = [], []  # of each state: (digits, next state), and next states without a digit

    def state():
        steps.append([])
        jumps.append([])
        return len(steps) - 1

    def add(alternatives, start):
        end = state()
        for sequence in alternatives:
            at = state()
            jumps[start].append(at)
            for item, least, most in sequence:
                for _ in range(least):
                    at = add_item(item, at)
                after = state()
                jumps[at].append(after)
                for _ in range(least, most):
                    at = add_item(item, at)
                    jumps[at].append(after)
                at = after
            jumps[at].append(end)
        return end

    def add_item(item, start):
        if isinstance(item, list):
            return add(item, start)
        end = state()
        steps[start].append((item, end))
        return end

    def reachable(states):
        found = set(states)
        open_states = list(found)
        while open_states:
            for following in jumps[open_states.pop()]:
                if following not in found:
                    found.add(following)
                    open_states.append(following)
        return frozenset(found)

    known = {}

    def visit(states, count):
        if not states:
            return EMPTY
        if (states, count) not in known:
            label = True if end in states and (not lengths or count in lengths) else None
            children = None
            if count < longest:
                children = tuple(
                    visit(reachable(to for s in states for digits, to in steps[s] if digit in digits), count + 1)
                    for digit in "0123456789"
                )
            known[states, count] = node(label, children)
        return known[states, count]

    start = state()
    end = add(parse_pattern(pattern, longest), start)
    if is_prefix:
        steps[end].append(("0123456789", end))
    return visit(reachable([start]), 0)


def parse_pattern(pattern, longest):
    """The alternatives of a pattern. Each is a list of (digits or alternatives, least, most)."""
    position = 0

    def peek():
        return pattern[position : position + 1]

    def take(text):
        nonlocal position
        found = pattern.startswith(text, position)
        position += len(text) if found else 0
        return found

    def until(end):
        nonlocal position
        start, position = position, pattern.index(end, position) + 1
        return pattern[start : position - 1]

    def alternatives():
        found = [sequence()]
        while take("|"):
            found.append(sequence())
        return found

    def sequence():
        items = []
        while peek() not in ("", "|", ")"):
            items.append((item(), *repetition()))
        return items

    def item():
        nonlocal position
        if take("(?:") or take("("):
            inner = alternatives()
            assert take(")"), pattern
            return inner
        if take("["):
            return digit_class(until("]"))
        if take("\\d"):
            return "0123456789"
        digit = peek()
        assert digit.isdigit(), (pattern, position)
        position += 1
        return digit

    def digit_class(text):
        text = text.replace("\\d", "0-9")
        assert all(c.isdigit() or c == "-" for c in text), pattern
        digits, at = "", 0
        while at < len(text):
            last = text[at + 2] if text[at + 1 : at + 2] == "-" else text[at]
            digits += "0123456789"[int(text[at]) : int(last) + 1]
            at += 3 if text[at + 1 : at + 2] == "-" else 1
        return digits

    def repetition():
        if take("?"):
            return 0, 1
        if take("*"):
            return 0, longest
        if take("+"):
            return 1, longest
        if take("{"):
            least, _, most = until("}").partition(",")
            return int(least), int(most or least)
        return 1, 1

    found = alternatives()
    assert position == len(pattern), (pattern, position)
    return found


# The plan


def generate(phonenumbers):
    """Every range: (digits, first number, last number, (country, type)), sorted."""
    ranges = []
    for calling_code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        numbers = calling_code_numbers(phonenumbers, calling_code, regions)
        known = {}
        for length in range(1, MAX_DIGITS + 1 - len(str(calling_code))):
            add_ranges(ranges, str(calling_code), of_length(numbers, length, known), length)
    return sorted(ranges)


def calling_code_numbers(phonenumbers, calling_code, regions):
    longest = MAX_DIGITS - len(str(calling_code))
    numbers = EMPTY
    for region in regions:
        if region == "001":
            metadata = phonenumbers.PhoneMetadata.metadata_for_nongeo_region(calling_code, None)
        else:
            metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
        country = "global" if region == "001" else region
        found = relabel(region_numbers(metadata, longest), lambda kind: (country, kind))
        if len(regions) > 1 and metadata.leading_digits:
            # A number with these digits belongs to this region, or to none.
            leading = pattern_set(metadata.leading_digits, longest, is_prefix=True)
            found = merge(leading, found, lambda leads, label: (label or "none") if leads else None)
        numbers = merge(numbers, found, lambda earlier, label: earlier or label)
    return relabel(numbers, lambda label: None if label == "none" else label)


def region_numbers(metadata, longest):
    def described(description):
        if description is None or not description.national_number_pattern:
            return EMPTY
        lengths = [length for length in description.possible_length if length > 0]
        return pattern_set(description.national_number_pattern, longest, lengths)

    numbers = EMPTY
    types = [(getattr(metadata, name), kind) for name, kind in SPECIAL_TYPES]
    types += [(metadata.fixed_line, STANDARD), (metadata.mobile, STANDARD)]
    for description, kind in types:
        numbers = merge(numbers, described(description), lambda known, new: known or (kind if new else None))
    return merge(numbers, described(metadata.general_desc), lambda known, is_general: known if is_general else None)


def of_length(numbers, length, known):
    if (numbers, length) not in known:
        label, children = NODES[numbers]
        if length == 0:
            found = node(label, None)
        else:
            rest = [of_length(child, length - 1, known) for child in children or NO_CHILDREN]
            found = node(None, tuple(rest))
        known[numbers, length] = found
    return known[numbers, length]


def add_ranges(ranges, prefix, numbers, length):
    if numbers == EMPTY:
        return
    label = same_label(numbers, length)
    if label is None:
        for digit, child in enumerate(NODES[numbers][1]):
            add_ranges(ranges, f"{prefix}{digit}", child, length - 1)
        return
    digits = len(prefix) + length
    first, last = int(prefix + "0" * length), int(prefix + "9" * length)
    if ranges and (ranges[-1][0], ranges[-1][2] + 1, ranges[-1][3]) == (digits, first, label):
        first = ranges.pop()[1]
    ranges.append((digits, first, last, label))


def same_label(numbers, length):
    """The label of all numbers with so many more digits, or None if they differ or are missing."""
    for _ in range(length):
        children = NODES[numbers][1]
        if children is None or any(child != children[0] for child in children):
            return None
        numbers = children[0]
    return NODES[numbers][0]


# The committed table


def country_lines(phonenumbers):
    lines = []
    for calling_code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            if region != "001":
                metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
                lines.append(f"{region} {calling_code} {metadata.national_prefix or '-'}")
    return sorted(lines)


def read_countries(text):
    return [line for line in text.splitlines() if not line.startswith("#") and line.count(" ") == 2]


def table_text(countries, ranges):
    sections = defaultdict(lambda: defaultdict(list))
    for digits, first, last, label in ranges:
        first, last = str(first), str(last)
        while len(first) > 1 and first[-1] == "0" and last[-1] == "9":
            first, last = first[:-1], last[:-1]
        sections[label][first, last].append(digits)
    lines = [HEADER, *(f"{line}\n" for line in countries)]
    for (country, kind), rows in sorted(sections.items()):
        lines.append(f"{country} {kind}\n")
        for (first, last), lengths in sorted(rows.items()):
            prefixes = first if first == last else f"{first}-{last}"
            lines += [f"{prefixes} {run}\n" for run in runs(lengths)]
    return "".join(lines)


def runs(lengths):
    found = []
    for length in sorted(lengths):
        if found and found[-1][1] + 1 == length:
            found[-1][1] = length
        else:
            found.append([length, length])
    return [f"{least}" if least == most else f"{least}-{most}" for least, most in found]


def read_table(text):
    ranges, label = [], None
    for line in text.splitlines():
        if line.startswith("#") or line.count(" ") != 1:
            continue
        left, right = line.split(" ")
        if not left[0].isdigit():
            label = (left, right)
            continue
        first, _, last = left.partition("-")
        least, _, most = right.partition("-")
        for digits in range(int(least), int(most or least) + 1):
            more = digits - len(first)
            ranges.append((digits, int(first + "0" * more), int((last or first) + "9" * more), label))
    return sorted(ranges)


def differences(old, new):
    """Lines that say which ranges were added, removed or changed."""
    found = defaultdict(list)
    for digits in range(1, MAX_DIGITS + 1):
        tables = [[r for r in table if r[0] == digits] for table in (old, new)]
        edges = sorted({edge for table in tables for _, first, last, _ in table for edge in (first, last + 1)})
        for first, after in zip(edges, edges[1:]):
            labels = tuple(label_of(table, digits, first) for table in tables)
            if labels[0] == labels[1]:
                continue
            changes = found[labels]
            if changes and changes[-1][0] == digits and changes[-1][2] + 1 == first:
                first = changes.pop()[1]
            changes.append((digits, first, after - 1))
    for (before, after), changes in sorted(found.items(), key=lambda item: str(item[0][::-1])):
        for digits, first, last in sorted(changes, key=lambda change: str(change[1])):
            names = " -> ".join(" ".join(label) if label else "unknown" for label in (before, after))
            yield f"+{first} to +{last}: {names}"


def label_of(table, digits, number):
    """The label of a number. `table` contains the ranges with so many digits."""
    at = bisect_right(table, (digits, number, float("inf"))) - 1
    return table[at][3] if at >= 0 and table[at][1] <= number <= table[at][2] else None


def compare_with_library(ranges, phonenumbers):
    """Asks libphonenumber's own code about the numbers at the edges of all ranges."""
    types = {getattr(phonenumbers.PhoneNumberType, name.upper()): kind for name, kind in SPECIAL_TYPES}
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE

    def library_label(text):
        calling_code = next(text[:n] for n in (1, 2, 3) if int(text[:n]) in codes)
        national = text[len(calling_code) :]
        # Not by `parse`: it reads the start of +375 810 as a prefix for calls inside Belarus.
        number = phonenumbers.PhoneNumber(
            country_code=int(calling_code),
            national_number=int(national),
            italian_leading_zero=national.startswith("0") or None,
            number_of_leading_zeros=len(national[:-1]) - len(national[:-1].lstrip("0")) or None,
        )
        region = phonenumbers.region_code_for_number(number)
        if region is None or not phonenumbers.is_valid_number(number):
            return None
        kind = types.get(phonenumbers.number_type(number), STANDARD)
        return ("global" if region == "001" else region, kind)

    by_length = defaultdict(list)
    for entry in ranges:
        by_length[entry[0]].append(entry)
    wrong = []
    for digits, table in by_length.items():
        edges = {edge for _, first, last, _ in table for edge in (first - 1, first, last, last + 1)}
        for number in sorted(edges):
            if len(str(number)) != digits or not any(int(str(number)[:n]) in codes for n in (1, 2, 3)):
                continue
            ours, theirs = label_of(table, digits, number), library_label(str(number))
            if ours != theirs:
                wrong.append(f"+{number}: {ours} here, {theirs} in libphonenumber")
    if wrong:
        sys.exit("\n".join([*wrong, f"{len(wrong)} differences from libphonenumber's code"]))


if __name__ == "__main__":
    main()
