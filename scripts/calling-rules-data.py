#!/usr/bin/env python3
"""Updates the data of `crates/calling-rules` that others publish.

    scripts/calling-rules-data.py            prints how the committed files differ from the published data
    scripts/calling-rules-data.py --write    prints the difference and writes the files
    scripts/calling-rules-data.py --check    prints the difference and fails if there is one
    --libphonenumber DIR                     reads libphonenumber from a checkout instead of the network

The files, in `crates/calling-rules/data`:

    libphonenumber/timezones.txt, geocoding-en-1.txt   copies from libphonenumber's repository
    zone.tab                                           a copy from the tz database (PyPI: tzdata)
    holidays.txt                                       generated with the Python package `holidays`

To update: change the version and the hashes below, run with --write, read the difference, and run
`cargo test -p calling-rules`: its test of the hashes names the hashes of the new files. `rules.toml` is
written by hand.

Needs Python 3.10 or newer with pip, and for libphonenumber the network or a checkout.
"""

import datetime
import hashlib
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

LIBPHONENUMBER = "v9.0.35"
COPIES = [
    (
        "timezones.txt",
        "resources/timezones/map_data.txt",
        "67b996160fb393952ace950e0fb93046271693ef097f849d6c2d07d5df28b3d4",
    ),
    (
        "geocoding-en-1.txt",
        "resources/geocoding/en/1.txt",
        "36aa62dc933bc26b99fad857dde1a8f94a5643642e2a6d9f07aa9b789b0d8b14",
    ),
]
# Package, version, hash of its wheel.
HOLIDAYS = ("holidays", "0.109", "7d39c910167116d41fa6aae18d5e72b4541700cdd37743d799c83db3419201b0")
TZDATA = ("tzdata", "2026.6", "0a10eec6e13ef16b627fabed9a5f2ba61a62b1c67f327305f4e7e412a70b4aec")
DATEUTIL = ("python-dateutil", "2.9.0.post0", "a8b2bc7bffae282281c8140a97d3aa9c14da0b136dfe83f850eea9a5f7470427")
SIX = ("six", "1.17.0", "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274")

YEARS = range(2026, 2032)
# Calendar, country, state. The rules name calendars.
CALENDARS = [
    ("AU", "AU", None),
    ("CA-BC", "CA", "BC"),
    ("FR", "FR", None),
    ("IT", "IT", None),
    ("US", "US", None),
    ("US-AL", "US", "AL"),
    ("US-LA", "US", "LA"),
    ("US-ME", "US", "ME"),
    ("US-NE", "US", "NE"),
    ("US-RI", "US", "RI"),
    ("US-SD", "US", "SD"),
    ("US-UT", "US", "UT"),
]
# The law of these states closes on the federal holidays too.
WITH_FEDERAL = {"US-RI"}

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "crates/calling-rules/data"
TOOLS = ROOT / ".tools"

HEADER = f"""\
# Holidays of the calendars that rules.toml names, {YEARS[0]} to {YEARS[-1]}: calendar, date, name.
#
# Written by scripts/calling-rules-data.py. Do not edit: an update overwrites it.
#
# From the Python package holidays {HOLIDAYS[1]}, MIT License:
# Copyright (c) Vacanza Team and individual contributors
# Copyright (c) dr-prodigy <dr.prodigy.github@gmail.com>, 2017-2023
# Copyright (c) ryanss <ryanssdev@icloud.com>, 2014-2017
#
# US-PA is the list of Pennsylvania's Act 73 of 2019, which the script computes.
"""


def main():
    arguments = sys.argv[1:]
    checkout = None
    if "--libphonenumber" in arguments:
        at = arguments.index("--libphonenumber")
        checkout = Path(arguments[at + 1])
        del arguments[at : at + 2]
    mode = arguments[0] if len(arguments) == 1 else ""
    if len(arguments) > 1 or mode not in ("", "--write", "--check"):
        sys.exit(__doc__)
    files = {f"libphonenumber/{name}": copy(path, digest, checkout) for name, path, digest in COPIES}
    files["zone.tab"] = zone_tab()
    files["holidays.txt"] = HEADER + holiday_lines()
    stale = []
    for name, text in files.items():
        committed = (DATA / name).read_text() if (DATA / name).exists() else ""
        if text != committed:
            stale.append(name)
        removed, added = (set(a.splitlines()) - set(b.splitlines()) for a, b in [(committed, text), (text, committed)])
        for line in sorted([(line, "-") for line in removed] + [(line, "+") for line in added]):
            print(f"{name}: {line[1]} {line[0]}")
        if mode == "--write":
            (DATA / name).parent.mkdir(parents=True, exist_ok=True)
            (DATA / name).write_text(text)
    print(f"{len(files)} files, {len(stale)} with differences", file=sys.stderr)
    if mode == "--check" and stale:
        sys.exit(f"{', '.join(stale)}: run scripts/calling-rules-data.py --write")


def copy(path, digest, checkout):
    if checkout:
        content = (checkout / path).read_bytes()
    else:
        url = f"https://raw.githubusercontent.com/google/libphonenumber/{LIBPHONENUMBER}/{path}"
        with urllib.request.urlopen(url, timeout=60) as response:
            content = response.read()
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        sys.exit(f"{path} of {LIBPHONENUMBER} has the SHA-256 {found}, expected {digest}")
    return content.decode()


def load(*packages):
    """Downloads wheels into .tools/ and puts them on the path."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        for name, version, digest in packages:
            requirements.write(f"{name}=={version} --hash=sha256:{digest}\n")
        requirements.flush()
        target = TOOLS / "-".join(f"{name}-{version}" for name, version, _ in packages)
        if not target.exists():
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
            options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(target)]
            subprocess.run([*pip, *options, "--requirement", requirements.name], check=True)
    sys.path.insert(0, str(target))
    return target


def zone_tab():
    return (load(TZDATA) / "tzdata/zoneinfo/zone.tab").read_text()


def holiday_lines():
    load(HOLIDAYS, DATEUTIL, SIX)
    import holidays

    lines = []
    for calendar, country, state in CALENDARS:
        days = days_of(holidays, country, state)
        if calendar in WITH_FEDERAL:
            days = days_of(holidays, "US", None) | days
        lines += [f"{calendar} {day} {name}\n" for day, name in days.items()]
    lines += [f"US-PA {day} {name}\n" for day, name in pennsylvania()]
    return "".join(sorted(lines))


def days_of(holidays, country, state):
    language = None if country == "AU" else "en_US"
    # A holiday of the following year may be observed in this one.
    years = range(YEARS[0], YEARS[-1] + 2)
    days = holidays.country_holidays(country, subdiv=state, years=years, language=language)
    return {day: name for day, name in days.items() if day.year in YEARS}


def pennsylvania():
    from dateutil.easter import easter
    from dateutil.relativedelta import MO, TH, relativedelta

    for year in YEARS:

        def nth(month, weekday, n):
            start = datetime.date(year, month, 1 if n > 0 else 31)
            return start + relativedelta(weekday=weekday(n))

        yield datetime.date(year, 1, 1), "New Year's Day"
        yield nth(1, MO, 3), "Martin Luther King Jr. Day"
        yield nth(2, MO, 3), "Presidents' Day"
        yield easter(year) - datetime.timedelta(days=2), "Good Friday"
        yield nth(5, MO, -1), "Memorial Day"
        yield datetime.date(year, 6, 14), "Flag Day"
        yield datetime.date(year, 7, 4), "Independence Day"
        yield nth(9, MO, 1), "Labor Day"
        yield nth(10, MO, 2), "Columbus Day"
        # The Tuesday after the first Monday of November.
        yield nth(11, MO, 1) + datetime.timedelta(days=1), "Election Day"
        yield datetime.date(year, 11, 11), "Veterans Day"
        yield nth(11, TH, 4), "Thanksgiving Day"
        yield datetime.date(year, 12, 25), "Christmas Day"


if __name__ == "__main__":
    main()
