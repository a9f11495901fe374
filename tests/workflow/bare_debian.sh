#!/usr/bin/env bash
# README's two commands on a bare Debian 12, by a user who is not root: its Python 3.11.2 and pip, what README names, and a
# fresh clone of what is committed here. Needs root, debootstrap and 15 GB.
#     tests/workflow/bare_debian.sh [FOLDER [COMMAND...]]
# DEBIAN=trixie takes Debian 13, with its Python 3.13.
# FOLDER keeps the system for another call; each COMMAND is run in the clone, instead of `make report` and `make test`.
# Behind a proxy, this machine's certificates and the settings below go along; its own package folders do not.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Mounts live in a namespace of this script: they end with it, however it ends.
[ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare --mount "$0" "$@"

if [ $# -gt 0 ]; then
  root=$(realpath -m "$1")
  shift
else
  root=$(mktemp -d)
  trap 'rm -rf --one-file-system "$root"' EXIT
  chmod 755 "$root" # where it is /, every user must come in
fi
[ $# -gt 0 ] || set -- "make report" "make test"

step() { echo; echo "=== $1 ($(date -u +%H:%M:%S))"; }

release=${DEBIAN:-bookworm}
step "Debian $release"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase "$release" "$root" | { grep "^[EW]:" || true; }
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
[ -e "$root/etc/hosts" ] || echo "127.0.0.1 localhost" > "$root/etc/hosts" # as an installer writes it
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
chroot "$root" apt-get update -qq
# The line of README.
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qq --no-install-recommends \
  git make python3 python3-venv ca-certificates > /dev/null
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
chroot "$root" id newcomer &> /dev/null || chroot "$root" useradd --create-home --uid 1000 newcomer

step "the clone"
home=$root/home/newcomer
[ -d "$home/sft-report" ] || git clone --quiet --no-hardlinks . "$home/sft-report"
git -c safe.directory='*' -C "$home/sft-report" pull --quiet
chown -R 1000:1000 "$home"

settings=(HOME=/home/newcomer PATH=/usr/bin:/bin LANG=C.UTF-8)
for name in PIP_CERT PIP_INDEX_URL PIP_DEFAULT_TIMEOUT HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy TORCH; do
  [ -z "${!name:-}" ] || settings+=("$name=${!name}")
done
for command; do
  step "$command"
  chroot --userspec=1000:1000 "$root" env -i "${settings[@]}" bash -c "cd ~/sft-report && time $command"
done
step "done: $(du -sh "$home/sft-report/.venv" 2> /dev/null | cut -f1) in .venv"
