# Debian packages for tests/run and packaging/demo; meant to be sourced by bash.

# What builds Cloister, and what its manual pages need.
PACKAGES_BUILD="gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libglib2.0-dev libcap-dev libjson-c-dev
        libseccomp-dev libmount-dev scdoc"

# Prints those of the given packages that are not installed.
packages_missing() {
        local p
        for p in "$@"; do
                [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
        done
}

# Installs those of the given packages that are missing and starts no service of theirs; needs no network when all
# are there. A policy-rc.d that the machine has is put back as it was.
packages_install() (
        policy=/usr/sbin/policy-rc.d saved=/usr/sbin/policy-rc.d.before-cloister
        restore() {
                rm -f "$policy"
                [ ! -e "$saved" ] || mv -T "$saved" "$policy"
        }

        mapfile -t missing < <(packages_missing "$@")
        [ ${#missing[@]} -gt 0 ] || exit 0
        [ "$(id -u)" = 0 ] || { echo "packages missing (${missing[*]}): run as root once, or install them" >&2; exit 1; }

        [ ! -e "$saved" ] || mv -T "$saved" "$policy" # an earlier run was killed here
        trap restore EXIT
        trap 'exit 130' INT TERM HUP
        [ ! -e "$policy" ] || mv -T "$policy" "$saved"
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"

        log=$(mktemp)
        export DEBIAN_FRONTEND=noninteractive
        if ! { apt-get -q update && apt-get -q -y --no-install-recommends install "${missing[@]}"; } >"$log" 2>&1; then
                tail -n 30 "$log" >&2
                rm -f "$log"
                echo "cannot install ${missing[*]}: see apt's words above" >&2
                exit 1
        fi
        rm -f "$log"
)
