# Shell functions for test scripts (bash, root). A script begins with
#
#       #!/bin/bash
#       . "$(dirname "$0")/../lib.sh"
#
# and then has $CLOISTER_BUILD (absolute; default build-test/), its programs first in $PATH, and an empty folder $TMP.
# Whatever it makes it hands to `defer`; all that runs, last first, when the script ends in whatever way. It ends with
# `tap_done`.

set -u
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=$(dirname "$TESTS")
export CLOISTER_BUILD=${CLOISTER_BUILD:-$SOURCE/build-test}
export PATH=$CLOISTER_BUILD/src/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8

# ---- results -----------------------------------------------------------------------------------------------------

TAP_COUNT=0
TAP_FAILED=0

tap_pass() {
        TAP_COUNT=$((TAP_COUNT + 1))
        echo "ok $TAP_COUNT - $1"
}

# tap_fail TEXT [DETAIL]
tap_fail() {
        TAP_COUNT=$((TAP_COUNT + 1))
        TAP_FAILED=$((TAP_FAILED + 1))
        echo "not ok $TAP_COUNT - $1"
        [ -z "${2-}" ] || printf '%s\n' "$2" | head -n 60 | sed 's/^/# /'
}

# tap_ok TEXT COMMAND...: the command succeeds.
tap_ok() {
        local text=$1 out status
        shift
        out=$("$@" 2>&1)
        status=$?
        if [ $status = 0 ]; then tap_pass "$text"; else tap_fail "$text" "status $status: $*"$'\n'"$out"; fi
}

# tap_fails TEXT COMMAND...: the command fails, but not by a signal.
tap_fails() {
        local text=$1 out status
        shift
        out=$("$@" 2>&1)
        status=$?
        if [ $status -gt 0 ] && [ $status -lt 126 ]; then
                tap_pass "$text"
        else
                tap_fail "$text" "status $status: $*"$'\n'"$out"
        fi
}

# tap_is TEXT GOT WANTED
tap_is() {
        if [ "$2" = "$3" ]; then tap_pass "$1"; else tap_fail "$1" "got:    $2"$'\n'"wanted: $3"; fi
}

# tap_isnt TEXT GOT UNWANTED
tap_isnt() {
        if [ "$2" != "$3" ]; then tap_pass "$1"; else tap_fail "$1" "got: $2"; fi
}

# tap_like TEXT GOT ERE: some line of GOT matches.
tap_like() {
        if grep -Eq -- "$3" <<<"$2"; then tap_pass "$1"; else tap_fail "$1" "got:    $2"$'\n'"wanted: /$3/"; fi
}

tap_unlike() {
        if grep -Eq -- "$3" <<<"$2"; then tap_fail "$1" "got: $2"; else tap_pass "$1"; fi
}

# tap_skip TEXT REASON: one test that cannot run here.
tap_skip() {
        TAP_COUNT=$((TAP_COUNT + 1))
        echo "ok $TAP_COUNT - $1 # SKIP $2"
}

# tap_skip_all REASON: the whole script cannot run here.
tap_skip_all() {
        echo "1..0 # SKIP $1"
        exit 77
}

tap_done() {
        echo "1..$TAP_COUNT"
        [ $TAP_FAILED = 0 ]
        exit
}

# need PROGRAM...: skips the script where one is missing.
need() {
        local p
        for p in "$@"; do
                command -v "$p" >/dev/null || tap_skip_all "no $p"
        done
}

# ---- what is made is removed ---------------------------------------------------------------------------------------

DEFERRED=()
defer() {
        DEFERRED+=("$(printf '%q ' "$@")")
}

_cleanup() {
        local status=$? i
        trap - EXIT
        trap '' INT TERM HUP
        for ((i = ${#DEFERRED[@]} - 1; i >= 0; i--)); do
                eval "${DEFERRED[i]}" || { echo "# failed: ${DEFERRED[i]}" >&2; [ $status != 0 ] || status=1; }
        done
        exit $status
}
trap _cleanup EXIT
trap 'exit 130' INT TERM HUP

# Removes a folder, but never what is mounted below it.
remove_folder() {
        if grep -qF " $1/" /proc/self/mountinfo; then
                echo "# left mounted: $(awk -v d="$1/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | xargs)" >&2
                tac /proc/self/mountinfo | awk -v d="$1/" 'index($5, d) == 1 { print $5 }' | xargs -r -n1 umount -l
                rm -rf --one-file-system "$1"
                return 1
        fi
        rm -rf --one-file-system "$1"
}

TMP=$(mktemp -d "${TMPDIR:-/tmp}/$(basename "$0").XXXX") || exit
chmod 755 "$TMP"
defer remove_folder "$TMP"

# ---- waiting -------------------------------------------------------------------------------------------------------

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
        local end=$((SECONDS + $1))
        shift
        while ! "$@" >/dev/null 2>&1; do
                [ $SECONDS -lt $end ] || return 1
                sleep 0.05
        done
}

# True when there is no such process, or only its zombie.
process_gone() {
        local state
        state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null) || return 0
        [ -z "$state" ] || [ "$state" = Z ]
}

# stop_process PID [SECONDS]: SIGTERM, then SIGKILL (and false) when it takes longer than SECONDS (default 10).
stop_process() {
        kill "$1" 2>/dev/null || return 0
        wait_for "${2:-10}" process_gone "$1" && return 0
        echo "# process $1 had to be killed" >&2
        kill -KILL "$1"
        wait_for 5 process_gone "$1"
        return 1
}

# ---- a cloisterd of one's own --------------------------------------------------------------------------------------

# start_cloisterd [OPTION...]: one that is stopped when the script ends. Sets CLOISTER_DIR, CLOISTER_FS, CLOISTER_STATE,
# CLOISTER_RUNDIR, CLOISTER_CONFIG, CLOISTER_LOG, CLOISTERD_PID (the keeper), and exports CLOISTER_CONTROL. Ids come from
# $CLOISTER_IDS ("start:count"). False, with its log on stderr, when it does not come up.
start_cloisterd() {
        CLOISTER_DIR=$(mktemp -d "$TMP/cloister.XXXX")
        chmod 755 "$CLOISTER_DIR"
        CLOISTER_FS=$CLOISTER_DIR/fs CLOISTER_STATE=$CLOISTER_DIR/state CLOISTER_RUNDIR=$CLOISTER_DIR
        CLOISTER_CONFIG=$CLOISTER_DIR/cloister.conf CLOISTER_LOG=$CLOISTER_DIR/log
        export CLOISTER_CONTROL=$CLOISTER_DIR/control.sock CLOISTER_RUNDIR
        mkdir -p "$CLOISTER_FS" "$CLOISTER_STATE"
        printf '[cloister]\nids=%s\n' "${CLOISTER_IDS:-100000:1310720}" >"$CLOISTER_CONFIG"
        launch_cloisterd "$@"
        defer stop_cloisterd
        wait_for 20 cloisterd_ready && return 0
        sed 's/^/# cloisterd: /' "$CLOISTER_LOG" >&2
        return 1
}

# Starts it (again) on the folder of start_cloisterd, and does not wait.
launch_cloisterd() {
        cloisterd --mountpoint "$CLOISTER_FS" --control "$CLOISTER_CONTROL" --state "$CLOISTER_STATE" \
                --config "$CLOISTER_CONFIG" "$@" </dev/null >>"$CLOISTER_LOG" 2>&1 &
        CLOISTERD_PID=$!
}

# Ready, or no longer to be waited for.
cloisterd_ready() {
        process_gone "$CLOISTERD_PID" || cloisterctl status
}

stop_cloisterd() {
        stop_process "$CLOISTERD_PID" || return
        wait "$CLOISTERD_PID" 2>/dev/null
        ! grep -F " $CLOISTER_FS/" /proc/self/mountinfo >&2
}

# The process id of the server, the keeper's child.
cloisterd_server() {
        cloisterctl --json status | jq .serverPid
}

# ---- root file systems and bundles ---------------------------------------------------------------------------------

# busybox_rootfs DIR: a root file system of Debian's static busybox.
busybox_rootfs() {
        local root=$1
        mkdir -p "$root"/{bin,dev,etc,proc,root,run,sys,tmp,usr,var,var/lib}
        ln -sfn bin "$root/sbin"
        ln -sfn ../bin "$root/usr/bin"
        chmod 1777 "$root/tmp"
        cp /bin/busybox "$root/bin/busybox"
        "$root/bin/busybox" --list | while read -r applet; do
                [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
        done
        echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
        echo 'root:x:0:' >"$root/etc/group"
}

# oci_bundle DIR [JQ-FILTER [JQ-OPTION...]]: a bundle with such a rootfs, whose process sleeps and whose /proc/sys is
# writable (runc's own default makes it read-only), its config.json passed through the filter. Its cgroups are
# $(test_cgroup)/<name of DIR>.
oci_bundle() {
        local dir=$1 filter=${2:-.}
        shift
        [ $# = 0 ] || shift
        mkdir -p "$dir"
        busybox_rootfs "$dir/rootfs"
        (cd "$dir" && rm -f config.json && runc spec) || return
        jq --arg cgroup "$(test_cgroup)/$(basename "$dir")" '
                .process.terminal = false | .root.readonly = false | .process.args = ["sleep", "100000"]
                | .linux.cgroupsPath = $cgroup
                | .linux.readonlyPaths |= map(select(. != "/proc/sys"))' "$dir/config.json" |
                jq "$@" "$filter" >"$dir/config.json.new" && mv "$dir/config.json.new" "$dir/config.json"
}

# A filter for oci_bundle: limit_filter BYTES CPUS-IN-PERCENT.
limit_filter() {
        echo ".linux.resources.memory = {limit: $1} | .linux.resources.cpu = {quota: ($2 * 1000), period: 100000}"
}

# ---- control groups ------------------------------------------------------------------------------------------------

# The group, below the root of each hierarchy, that this script's containers live in. Removed at the end.
test_cgroup() {
        echo "/${CLOISTER_TEST_CGROUP:-cloister-test-$$}"
}

# The mount points of all cgroup hierarchies.
cgroup_mounts() {
        awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts
}

# make_cgroup NAME: in every hierarchy, cpusets filled from the parents. Prints nothing.
make_cgroup() {
        local mount dir part f
        for mount in $(cgroup_mounts); do
                dir=$mount
                for part in ${1//\// }; do
                        dir=$dir/$part
                        mkdir -p "$dir" || return
                        for f in cpuset.cpus cpuset.mems; do
                                [ ! -e "$dir/$f" ] || [ -n "$(cat "$dir/$f")" ] || cat "$(dirname "$dir")/$f" >"$dir/$f"
                        done 2>/dev/null
                done
        done
        defer remove_cgroup "$1"
}

# remove_cgroup NAME: with what is below it, in every hierarchy; false when processes hold it.
remove_cgroup() {
        local mount dir failed=0
        for mount in $(cgroup_mounts); do
                [ -d "$mount$1" ] || [ -d "$mount/$1" ] || continue
                while read -r dir; do
                        wait_for 3 rmdir "$dir" || failed=1
                done < <(find "$mount/${1#/}" -depth -type d)
        done
        return $failed
}
defer remove_cgroup "$(test_cgroup)"

# ---- Docker --------------------------------------------------------------------------------------------------------

DOCKERD=
# start_dockerd: an engine of one's own with the runtime `cloister` (needs start_cloisterd first) and no network.
# `docker` then talks to it.
start_dockerd() {
        local dir made
        dir=$(mktemp -d "$TMP/docker.XXXX")
        for made in /etc/docker /run/containerd/s /run/docker/plugins /opt/containerd/bin /opt/containerd/lib; do
                [ -e "$made" ] || defer remove_empty "$made"
        done
        jq -n --arg path "$CLOISTER_BUILD/src/bin/cloister-runc" --arg control "$CLOISTER_CONTROL" \
                --arg rundir "$CLOISTER_RUNDIR" --arg key "$dir/key.json" \
                '{"deprecated-key-path": $key, runtimes: {cloister: {path: $path, runtimeArgs: ["--control", $control, "--rundir", $rundir]}}}' \
                >"$dir/daemon.json"
        export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/client
        setsid dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "$DOCKER_HOST" \
                --config-file "$dir/daemon.json" --ip-forward=false --iptables=false --bridge=none \
                --cgroup-parent "$(test_cgroup)" </dev/null >"$dir/log" 2>&1 &
        DOCKERD=$!
        DOCKER_LOG=$dir/log
        defer stop_dockerd "$dir" "$DOCKERD"
        wait_for 30 docker version || { tail -n 20 "$dir/log" >&2; return 1; }
}

stop_dockerd() {
        local failed=0
        docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || failed=1
        stop_process "$2" 30 || failed=1
        # dockerd leaves its own bind mounts (netns, data root) now and then; what is left of ours is an error elsewhere
        tac /proc/self/mountinfo | awk -v d="$1/" 'index($5, d) == 1 { print $5 }' | xargs -r -n1 umount -l
        rm -rf --one-file-system "$1"
        return $failed
}

# Removes a folder and those above it as far as they are empty.
remove_empty() {
        rmdir --ignore-fail-on-non-empty -p "$1" 2>/dev/null || true
}

# docker_image NAME: imports a busybox root file system.
docker_image() {
        busybox_rootfs "$TMP/image"
        tar -C "$TMP/image" -c . | docker import - "$1" >/dev/null && rm -rf "$TMP/image"
}
