#!/bin/sh
# Process 1 of the virtual machine: mounts what a Debian system has, runs /vm/command, writes its status and the files
# that /vm/back names to the second disk, and powers off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8

mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount | grep -q ' /dev ' || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t securityfs securityfs /sys/kernel/security
while read -r module; do
        insmod "/vm/modules/$module" || echo "vm: cannot load $module"
done </vm/modules/order 2>&1 | grep -v 'File exists'

if [ "$(cat /vm/cgroup)" = v1 ]; then
        mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
        for controller in $(awk '$4 == 1 { print $1 }' /proc/cgroups); do
                mkdir "/sys/fs/cgroup/$controller"
                mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
        done
else
        mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
fi
ifconfig lo 127.0.0.1 up
hostname vm

stty -F /dev/ttyS1 raw -echo
setsid /bin/bash /vm/command </dev/null >/dev/ttyS1 2>&1
echo $? >/vm/status
existing=$(while read -r file; do [ ! -e "/$file" ] || echo "$file"; done </vm/back)
tar -cf /dev/vdb -C / vm/status $existing
sync
poweroff -f
