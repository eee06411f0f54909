#!/bin/sh
# Installs what building, running or testing Berth needs and is not there yet. Quick when nothing is missing.
#
#   tools/setup.sh build      npm packages (Bun, TypeScript, Biome)
#   tools/setup.sh runtime    build, and the Debian packages that a running daemon uses
#   tools/setup.sh test       runtime, and Docker and Podman as oracles and peers  (default)
#
# Needs Debian 12 or later with npm and, for Debian packages, root or sudo. No service is started by it, and
# services that come with the test packages are not enabled: Berth's tests start their own, private ones.
set -eu
cd "$(dirname "$0")/.."

# What the daemon calls or loads: OCI runtimes, nft library, seccomp profile, an init, image bootstrap.
runtime_packages="bzip2 ca-certificates crun golang-github-containers-common iproute2 libnftables1 mmdebstrap procps runc tini xz-utils"
# Peers, oracles, and tools that tests use from outside.
test_packages="bind9-dnsutils buildah busybox-static curl docker-compose docker-registry docker.io e2fsprogs fish iptables jq nftables openssh-client podman python3 python3-docker skopeo socat tmux util-linux zsh zstd"
# Units that Debian enables when the packages above are installed.
units="docker-registry.service docker.service docker.socket containerd.service podman.service podman.socket podman-auto-update.service podman-auto-update.timer podman-restart.service"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else die "this needs root; run as root or install sudo: $*"
  fi
}

missing_debian_packages() {
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
  for package in "$@"; do
    printf '%s\n' "$installed" | grep -qx -- "$package" || printf '%s ' "$package"
  done
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o APT::Update::Error-Mode=any "$@"
}

have_package_lists() {
  [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' 2>/dev/null | head -n 1)" ]
}

# While packages are installed invoke-rc.d asks this file, and it refuses every start.
refuse_service_starts() {
  [ -e /usr/sbin/policy-rc.d ] && return
  printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
  as_root chmod 755 /usr/sbin/policy-rc.d
  trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  trap 'exit 1' HUP INT TERM
}

install_debian_packages() {
  command -v dpkg-query >/dev/null 2>&1 || die "not a Debian system; install by hand: $*"
  missing=$(missing_debian_packages "$@")
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "apt-get is missing; install by hand: $missing"
  say "installing Debian packages: $missing"
  refuse_service_starts
  have_package_lists || apt update >&2 || die "apt-get update failed"
  # shellcheck disable=SC2086 # a list of words
  if ! apt install --no-install-recommends $missing >&2; then
    say "trying again with fresh package lists"
    apt update >&2 || die "apt-get update failed"
    # shellcheck disable=SC2086
    apt install --no-install-recommends $missing >&2 || die "could not install: $missing"
  fi
  case " $missing" in
    *" docker.io "* | *" docker-registry "* | *" podman "*)
      # shellcheck disable=SC2086
      as_root systemctl --quiet disable $units >/dev/null 2>&1 || true
      as_root systemctl --quiet --global disable $units >/dev/null 2>&1 || true
      ;;
  esac
}

# True when every package of package-lock.json that fits this machine is in node_modules at the locked version.
npm_packages_match() {
  [ -e node_modules/.package-lock.json ] && node -e '
    const read = (file) => JSON.parse(require("fs").readFileSync(file, "utf8")).packages;
    const have = read("node_modules/.package-lock.json");
    for (const [path, want] of Object.entries(read("package-lock.json"))) {
      if (!path.startsWith("node_modules/")) continue;
      const got = have[path];
      if (got ? got.version !== want.version || got.integrity !== want.integrity : !want.optional && !want.peer) process.exit(1);
      if (want.link && !require("fs").existsSync(path)) process.exit(1);
    }'
}

install_npm_packages() {
  command -v npm >/dev/null 2>&1 || die "npm is missing: apt-get install npm"
  if ! npm_packages_match; then
    say "installing npm packages"
    # npm ci empties node_modules first; where one exists that would pull the floor from under running processes.
    if [ -d node_modules ]; then command=install; else command=ci; fi
    npm "$command" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || die "npm $command failed"
    npm_packages_match || die "node_modules still differs from package-lock.json; remove node_modules and try again"
  fi
  # The package's own install script only puts the right binary in place; it is the one script that is wanted.
  if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
    (cd node_modules/bun && node install.js) >&2 || die "could not put the bun binary in place"
    node_modules/.bin/bun --version >/dev/null || die "bun does not run on this machine"
  fi
}

# Clients of Debian's next release that builds, Compose and the registry are tested with: fetched into .cache/trixie and unpacked there,
# not installed. Tests that need them are skipped, with this reason, where they cannot be fetched.
fetch_trixie_clients() {
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || { say "no buildx and compose clients for this architecture"; return 0; }
  fetch_deb docker-buildx docker-buildx_0.13.1+ds1-3_amd64.deb fcf8c48204d1603c8f209451d7827eb91bf30759578baf7704e9e1a87e5f1d7f
  fetch_deb docker-compose docker-compose_2.26.1-4_amd64.deb 47681197cb2b1ab88206b42a1a92fc75f50d9530a6322d03494a473eed0408ea
  fetch_deb oras oras_1.2.0-1+b9_amd64.deb 5f138419f0e4bc128ee4717b06190dc5770cf120ab7e3a991e5b3e9158f3189e
}

# The Debian mirror that this machine's apt uses.
mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -E 's/^URIs: *([^ ]*).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]*) .*/\2/p' | grep -v security | head -n 1
}

# fetch_deb SOURCE FILE SHA256
fetch_deb() {
  [ -e ".cache/trixie/$2.done" ] && return 0
  mkdir -p .cache/trixie
  say "fetching $2"
  if ! curl -fsS --max-time 300 -o ".cache/trixie/$2.part" "$(mirror)/pool/main/${1%"${1#?}"}/$1/$2" ||
    ! printf '%s  %s\n' "$3" ".cache/trixie/$2.part" | sha256sum -c --quiet - >&2; then
    rm -f ".cache/trixie/$2.part"
    say "could not fetch $2: tests of this client will be skipped"
    return 0
  fi
  dpkg-deb -x ".cache/trixie/$2.part" .cache/trixie/root
  rm -f ".cache/trixie/$2.part"
  : >".cache/trixie/$2.done"
}

# Clients from npm that tests drive the daemon with, at the versions of test/clients/package-lock.json. Their tests are skipped
# where they cannot be fetched.
install_npm_clients() {
  to=.cache/clients
  cmp -s test/clients/package-lock.json "$to/installed.json" && return 0
  say "installing npm clients for tests"
  mkdir -p "$to"
  cp test/clients/package.json test/clients/package-lock.json "$to/"
  if (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2); then
    cp "$to/package-lock.json" "$to/installed.json"
  else
    say "could not install them: tests of these clients will be skipped"
  fi
}

case "${1:-test}" in
  build) ;;
  runtime)
    # shellcheck disable=SC2086
    install_debian_packages $runtime_packages ;;
  test)
    # shellcheck disable=SC2086
    install_debian_packages $runtime_packages $test_packages
    # Test images are made of packages that are downloaded.
    have_package_lists || apt update >&2 || die "apt-get update failed"
    fetch_trixie_clients
    install_npm_clients ;;
  *) die "usage: tools/setup.sh [build|runtime|test]" ;;
esac
install_npm_packages
