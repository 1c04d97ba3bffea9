# What the sysctl-* tests share: the same command in a container of Cloister and in plain namespaces with the same ids.
# Read after ../lib.sh.

PROBE=$CLOISTER_BUILD/tests/e2e/sysctl-probe
need jq "$PROBE"
# first id of the range that the containers get, each script its own; the plain namespaces use it, too
SYSCTL_FIRST=${SYSCTL_FIRST:-1100000000}
export CLOISTER_IDS=$SYSCTL_FIRST:655360

# boxed SCRIPT [ARGUMENT...]: runs a shell script in a container on the host's root file system, $PROBE as /tmp/probe.
boxed() {
        cloisterctl run --cgroup-parent "$(test_cgroup)" -- sh -c "$CARRY_IN; $1" sh "${@:2}" <"$PROBE"
}

# plain SCRIPT [ARGUMENT...]: the same in namespaces of the same kinds, without Cloister.
plain() {
        "$PROBE" reference "$SYSCTL_FIRST" sh -c "$CARRY_IN; $1" sh "${@:2}" <"$PROBE"
}
CARRY_IN='cat >/tmp/probe && chmod 755 /tmp/probe && exec </dev/null'

# Values that change by themselves, or that say when or where they were asked.
SYSCTL_LIVE='fs/(aio-nr|dentry-state|file-nr|inode-nr|inode-state)|kernel/(ns_last_pid|pty/nr|random/(uuid|boot_id|entropy_avail))|kernel/(hostname|domainname)'

# Names of the whole machine that the kernel lets root of any network namespace write, whoever made it. They are private in
# the container; in a network namespace made later, the kernel's own are there.
KERNEL_HOLES='net/netfilter/nf_hooks_lwtunnel'

# without_live FILE: the lines of `sysctl-probe list` with a dash for such values.
without_live() {
        awk -F '\t' -v OFS='\t' -v live="^($SYSCTL_LIVE)\$" '$1 ~ live { $3 = "-" } { print }' "$1"
}

# The names that the built-in table has in a class; a directory stands for what is in it.
names_of_class() {
        cloisterctl --json files --sysctl | jq -r --arg class "$1" '.sysctls | to_entries[] | select(.value == $class) | .key'
}
