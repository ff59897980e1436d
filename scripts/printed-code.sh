#!/usr/bin/env bash
# Prints a Markdown page with its code taken from the files of this repository, so that the code of
# the page is compiled, linted, formatted and tested as the file that it is.
#
#   scripts/printed-code.sh docs/adapters.md
#
# A comment before a code block names its file, or a part of the file by the text with which the part
# begins:
#
#   <!-- crates/adapter-parrot/src/outcome.rs -->
#   <!-- crates/server/src/config.rs: Vapi { api_key -->
#
# A part ends with its first line of the same indentation that opens no bracket and is not a comment or
# an attribute. It keeps its indentation, by which rustfmt has formatted it. A block of Rust or TOML
# without such a comment is an error.
set -euo pipefail
page=$(realpath "${1:?usage: scripts/printed-code.sh PAGE}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec awk '
    function fail(problem) {
        print FILENAME ":" FNR ": " problem >"/dev/stderr"
        has_failed = 1
        exit 1
    }
    function indentation(line) {
        match(line, /^ */)
        return RLENGTH
    }
    # Prints a file, or the part that begins with this text, indented like its comment.
    function print_code(file, start, indent,    line, first, cut, ends, found, status) {
        while ((status = (getline line <file)) > 0) {
            if (!found && start != "" && index(line, start) != indentation(line) + 1) continue
            if (!found) cut = start == "" ? 0 : indentation(line)
            found = 1
            if (line ~ /^ *```/) fail(file " contains a code block of its own")
            print line == "" ? "" : indent line
            if (start == "" || indentation(line) != cut) continue
            first = substr(line, cut + 1)
            ends = line !~ /[{(\[]$/ && first !~ /^(\/\/|#\[)/ && first != ""
            if (ends) break
        }
        close(file)
        if (status < 0) fail("cannot read " file)
        if (!found) fail(file " has no line that begins with: " start)
    }
    /^ *<!-- [^ :]+\.(rs|toml)(: .*)? -->$/ {
        print
        indent = substr($0, 1, indentation($0))
        name = $0
        sub(/^ *<!-- /, "", name)
        sub(/ -->$/, "", name)
        start = ""
        if (index(name, ": ")) {
            start = substr(name, index(name, ": ") + 2)
            name = substr(name, 1, index(name, ": ") - 1)
        }
        language = name ~ /\.rs$/ ? "rust" : "toml"
        print indent "```" language
        print_code(name, start, indent)
        print indent "```"
        if ((getline line) <= 0 || line !~ /^ *```/) fail("no code block follows the comment")
        while ((getline line) > 0) if (line ~ /^ *```$/) next
        fail("the code block has no end")
    }
    /^ *```(rust|toml)/ { fail("this code is not printed from a file") }
    { print }
    END { if (has_failed) exit 1 }
' "$page"
