# What the load and the takeover test share: containers that read all their rows and check what they get.

LOAD_ROWS="/proc/uptime /proc/meminfo /proc/cpuinfo /proc/stat /proc/loadavg /proc/swaps /sys/devices/system/cpu/online
        /proc/sys/kernel/ostype=Linux"
LOAD_MEGABYTES=(64 96 128 160)

# The containers' root: busybox and the reader.
LOAD_ROOT=$TMP/root
load_root() {
        busybox_rootfs "$LOAD_ROOT" && cp "$CLOISTER_BUILD/tests/fuse/reader" "$LOAD_ROOT/bin/reader"
}

# start_load SECONDS: four containers, two reading threads each. Sets LOAD_PIDS.
start_load() {
        local i
        LOAD_PIDS=()
        load_root || return
        for i in 0 1 2 3; do
                # shellcheck disable=SC2086
                cloisterctl run --name "load$i" --memory "${LOAD_MEGABYTES[i]}M" --cpus 0.5 \
                        --cgroup-parent "$(test_cgroup)" --rootfs "$LOAD_ROOT" -- /bin/sh -c \
                        "echo $((i + 1)) >/proc/sys/vm/swappiness && exec reader $1 2 $((LOAD_MEGABYTES[i] * 1024)) \
                        /proc/sys/vm/swappiness=$((i + 1)) $(echo $LOAD_ROWS)" >"$TMP/load$i" 2>&1 &
                LOAD_PIDS+=($!)
        done
}

# end_load: waits for them; one test each.
end_load() {
        local i status
        for i in 0 1 2 3; do
                wait "${LOAD_PIDS[i]}"
                status=$?
                echo "# container $i: $(tail -n 1 "$TMP/load$i")"
                if [ $status = 0 ]; then
                        tap_pass "container $i: no error, no wrong value"
                else
                        tap_fail "container $i: no error, no wrong value" "status $status"$'\n'"$(cat "$TMP/load$i")"
                fi
        done
}
