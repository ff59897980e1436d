#!/usr/bin/env bash
# Builds the release of this machine's platform into target/dist: an archive that is unpacked below
# /usr/local, the list of all crates in the program (an SBOM in the format CycloneDX), and checksums.
#
#   scripts/dist.sh            builds it
#   scripts/dist.sh --check    packs the same program once more, under another umask, time zone and folder, and
#                              fails if the bytes differ
#
# The times, users and paths of this machine are left out: the archive of the same program has the same
# bytes, in any folder. SOURCE_DATE_EPOCH is the time of the commit by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cyclonedx_version=0.5.9
case ${1:-} in
    '' | --check) ;;
    *) echo 'usage: scripts/dist.sh [--check]' >&2 && exit 64 ;;
esac

triple=$(rustc --print host-tuple)
version=$(sed -nE '/^\[workspace.package\]/,/^\[/s/^version = "(.*)"/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH SQLX_OFFLINE=true
if [[ -n $(git status --porcelain) ]]; then
    echo 'dist: the working copy has changes that no commit has: this is not a release' >&2
fi

target=${CARGO_TARGET_DIR:-$PWD/target}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
separator=$'\x1f'
flags=()
for mapping in "$PWD=/src" "$target=/src/target" "$cargo_home=/cargo"; do
    flags+=("--remap-path-prefix=$mapping")
    CFLAGS="${CFLAGS:-} -ffile-prefix-map=$mapping"
done
CARGO_ENCODED_RUSTFLAGS=$(IFS=$separator && echo "${flags[*]}")
export CFLAGS CARGO_ENCODED_RUSTFLAGS
cargo build --release --locked --bin outdial --target "$triple"
unset CARGO_ENCODED_RUSTFLAGS CFLAGS

name=outdial-$version-$triple
built=$target/$triple/release/outdial

# Packs the program and the files of this repository into FOLDER/$name.tar.gz.
pack() {
    local dist=$1 folder=$1/$name file
    rm -rf "$folder" && mkdir -p "$folder"
    install -D -m 755 "$built" "$folder/bin/outdial"
    "$folder/bin/outdial" man "$folder/share/man/man1"
    for file in bash:bash-completion/completions/outdial zsh:zsh/site-functions/_outdial \
        fish:fish/vendor_completions.d/outdial.fish; do
        mkdir -p "$folder/share/$(dirname "${file#*:}")"
        "$folder/bin/outdial" completions "${file%%:*}" >"$folder/share/${file#*:}"
    done
    install -D -m 644 -t "$folder/lib/systemd/system" ops/systemd/outdial.service
    git ls-files .env.example CHANGELOG.md LICENSE README.md SECURITY.md docs ops | while read -r file; do
        install -D -m "$([[ -x $file ]] && echo 755 || echo 644)" "$file" "$folder/share/doc/outdial/$file"
    done
    scripts/dist-docs.py "$folder/share/doc/outdial"
    chmod -R u=rwX,go=rX "$folder"
    tar --directory "$dist" --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" "$name" | gzip --no-name -9 >"$dist/$name.tar.gz"
    rm -rf "$folder"
}

dist=$target/dist
rm -rf "$dist" && mkdir -p "$dist"
pack "$dist"
if [[ ${1:-} == --check ]]; then
    again=$(mktemp -d)
    trap 'rm -rf "$again"' EXIT
    (umask 077 && export TZ=Pacific/Kiritimati LC_ALL=C && pack "$again")
    cmp "$dist/$name.tar.gz" "$again/$name.tar.gz"
    echo "dist: two archives of the same program have the same bytes" >&2
    exit 0
fi

# cargo-cyclonedx from PATH or .tools/, or built into .tools/ first (a minute on two cores).
cyclonedx=
for binary in "$(command -v cargo-cyclonedx || true)" .tools/bin/cargo-cyclonedx; do
    if [[ -x $binary && $("$binary" cyclonedx --version) == *" $cyclonedx_version" ]]; then cyclonedx=$binary; fi
done
if [[ -z $cyclonedx ]]; then
    echo "dist: building cargo-cyclonedx $cyclonedx_version into .tools/" >&2
    cargo install --quiet --locked --root .tools --version "$cyclonedx_version" --force cargo-cyclonedx
    cyclonedx=.tools/bin/cargo-cyclonedx
fi
# It writes beside the manifest, and names the crates of the workspace by their folders.
written=crates/server/outdial_bin.cdx.json
trap 'rm -f "$written"' EXIT
"$cyclonedx" cyclonedx --quiet --manifest-path crates/server/Cargo.toml --format json --spec-version 1.5 \
    --describe binaries --target "$triple"
# Its serial number is random, and its time is now.
time=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
sed -E -e "s|path\+file://$PWD/|path+file:///src/|g" -e '/^ *"serialNumber": "urn:uuid:[^"]*",$/d' \
    -e "s|^( *\"timestamp\": )\"[^\"]*\"|\1\"$time\"|" "$written" >"$dist/$name.cdx.json"

(cd "$dist" && sha256sum "$name.tar.gz" "$name.cdx.json" >SHA256SUMS)
ls -l "$dist"
