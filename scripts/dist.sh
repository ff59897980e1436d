#!/usr/bin/env bash
# Builds the release of this machine's platform into target/dist: an archive that is unpacked below
# /usr/local, the list of all crates in the program (an SBOM in the format CycloneDX), and checksums.
#
# The times, users and paths of this machine are left out: the archive of the same program has the same
# bytes, in any folder. SOURCE_DATE_EPOCH is the time of the commit by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cyclonedx_version=0.5.9

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
dist=$target/dist
folder=$dist/$name
program=$folder/bin/outdial
rm -rf "$dist" && mkdir -p "$dist"
install -D -m 755 "$target/$triple/release/outdial" "$program"

"$program" man "$folder/share/man/man1"
for file in bash:bash-completion/completions/outdial zsh:zsh/site-functions/_outdial \
    fish:fish/vendor_completions.d/outdial.fish; do
    mkdir -p "$folder/share/$(dirname "${file#*:}")"
    "$program" completions "${file%%:*}" >"$folder/share/${file#*:}"
done
install -D -m 644 -t "$folder/lib/systemd/system" ops/systemd/outdial.service
install -D -m 644 -t "$folder/share/doc/outdial" .env.example CHANGELOG.md LICENSE README.md SECURITY.md
install -D -m 644 -t "$folder/share/doc/outdial/docs" docs/*.md docs/*.yaml
install -D -m 644 -t "$folder/share/doc/outdial/docs/operations" docs/operations/*.md
install -D -m 644 -t "$folder/share/doc/outdial/ops/proxy" ops/proxy/*
install -D -m 755 -t "$folder/share/doc/outdial/ops/backup" ops/backup/*
chmod -R u=rwX,go=rX "$folder"

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
sed "s|path+file://$PWD/|path+file:///src/|g" "$written" >"$dist/$name.cdx.json"

tar --directory "$dist" --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
    --mtime="@$SOURCE_DATE_EPOCH" "$name" | gzip --no-name -9 >"$dist/$name.tar.gz"
(cd "$dist" && sha256sum "$name.tar.gz" "$name.cdx.json" >SHA256SUMS)
rm -rf "$folder"
ls -l "$dist"
