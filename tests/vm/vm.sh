# Shell functions that boot a Debian kernel under software emulation (bash, root; meant to be sourced). The machine has
# 2 CPUs, 2 GiB, no network, an ext4 root that is made for one run, and two serial lines: the console, which is kept,
# and what the command prints, which is standard output here.
#
#       vm_begin 6.12           chooses a kernel: 6.12 (cgroup v2 only) or 6.1 (v1 too), downloaded once
#       vm_root_basic           an empty root tree gets a busybox, /vm/init and Cloister; another root may stand there
#                               instead, as long as it has /vm/init (any program that can be process 1)
#       vm_add FILE...          programs with their libraries, files and folders, at their own path
#       vm_modules NAME...      kernel modules that /vm/init loads
#       vm_run SECONDS COMMAND  boots, runs, powers off; the exit status is the command's, 124 when it took too long
#                               and 125 when the machine did not get as far
#       vm_end                  removes what vm_begin made
#
# Kernels, and a build of Cloister without sanitizers (they are too slow here), are kept in $CLOISTER_BUILD/vm/.

VM_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VM_PACKAGES="qemu-system-x86 busybox-static kmod e2fsprogs xz-utils"
VM_MEMORY=2048
VM_DISK_MODULES="virtio_pci virtio_blk"
VM_MODULES="fuse overlay nf_conntrack br_netfilter"

vm_say() {
        echo "vm: $*" >&2
}

# ---- kernels -------------------------------------------------------------------------------------------------------

# The package of a kernel's newest build, from the package that stands for all of them.
vm_kernel_package() {
        local meta=linux-image-$1-cloud-amd64
        [ "$1" != 6.1 ] || meta=linux-image-cloud-amd64
        apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }'
}

# vm_download VERSION DIR: unpacks that kernel into DIR.
vm_download() {
        local package
        package=$(vm_kernel_package "$1")
        (cd "$2" && [ "$package" ] && apt-get -q download "$package") >"$2/apt.log" 2>&1 || {
                apt-get -q update >>"$2/apt.log" 2>&1
                package=$(vm_kernel_package "$1")
                (cd "$2" && apt-get -q download "${package:?no kernel $1}") >>"$2/apt.log" 2>&1 || return
        }
        dpkg-deb -x "$2"/linux-image-*.deb "$2" && rm "$2"/linux-image-*.deb
}

# Sets VM_KERNEL to the folder of an unpacked kernel, and VM_RELEASE.
vm_kernel() {
        local dir=$VM_CACHE/kernel-$1 new
        if [ ! -d "$dir" ]; then
                new=$(mktemp -d "$VM_CACHE/new.XXXX")
                if ! vm_download "$1" "$new"; then
                        tail -n 5 "$new/apt.log" >&2
                        rm -rf "$new"
                        return 1
                fi
                depmod -b "$new" "$(ls "$new/lib/modules")" && mv -T "$new" "$dir" || return
        fi
        VM_KERNEL=$dir VM_RELEASE=$(ls "$dir/lib/modules")
}

# The files of modules with those they need, these first; what is built in has none.
vm_module_files() {
        local name
        for name in "$@"; do
                modprobe -d "$VM_KERNEL" -S "$VM_RELEASE" --show-depends "$name" | awk '$1 == "insmod" { print $2 }'
        done | awk '!seen[$0]++'
}

# ---- Cloister without sanitizers -----------------------------------------------------------------------------------

vm_build() {
        local build=$VM_CACHE/build
        [ -e "$build/build.ninja" ] || meson setup --buildtype=debugoptimized -Dtests=disabled -Dman=disabled "$build" \
                "$VM_SOURCE" >"$VM_CACHE/build.log" 2>&1 || { tail -n 30 "$VM_CACHE/build.log" >&2; return 1; }
        ninja -C "$build" >"$VM_CACHE/build.log" 2>&1 || { tail -n 30 "$VM_CACHE/build.log" >&2; return 1; }
        VM_BUILD=$build
}

# ---- the root ------------------------------------------------------------------------------------------------------

# vm_add FILE...
vm_add() {
        local f
        for f in "$@"; do
                (cd / && cp -a --parents --remove-destination "${f#/}" "$VM_ROOT/") || return
                [ -d "$f" ] || vm_add_libraries "$f" || return
                [ ! -L "$f" ] || vm_add "$(readlink -f "$f")" || return
        done
}

vm_add_libraries() {
        local lib
        [ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ] || return 0
        { ldd "$1" 2>/dev/null || true; } | grep -oE '/[^ ]+' | while read -r lib; do
                [ -e "$VM_ROOT$lib" ] || cp -L --preserve=mode "$lib" "$VM_ROOT$lib" 2>/dev/null ||
                        { mkdir -p "$VM_ROOT$(dirname "$lib")" && cp -L --preserve=mode "$lib" "$VM_ROOT$lib"; } || return
        done
}

# vm_place FILE INSIDE: one file, with its libraries, at another path.
vm_place() {
        mkdir -p "$VM_ROOT$(dirname "$2")" && cp -L --preserve=mode "$1" "$VM_ROOT$2" && vm_add_libraries "$1"
}

# vm_modules NAME...
vm_modules() {
        local f list
        list=$(vm_module_files "$@") || return
        for f in $list; do
                case $f in
                *.xz) xz -dc "$f" >"$VM_ROOT/vm/modules/$(basename "$f" .xz)" || return ;;
                *) cp "$f" "$VM_ROOT/vm/modules/" || return ;;
                esac
                echo "$(basename "$f" .xz)" >>"$VM_ROOT/vm/modules/order"
        done
}

# Folders, the host's usr-merge links, and busybox for every program that nobody brings.
vm_root_folders() {
        local dir applet
        mkdir -p "$VM_ROOT"/{dev,etc,proc,root,run,sys,tmp,usr/bin,usr/sbin,usr/lib,usr/lib64,var/lib,vm/modules}
        for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$VM_ROOT/$dir"; done
        chmod 1777 "$VM_ROOT/tmp"
        ln -s ../proc/self/mounts "$VM_ROOT/etc/mtab"
        echo 'root:x:0:0:root:/root:/bin/sh' >"$VM_ROOT/etc/passwd"
        echo 'root:x:0:' >"$VM_ROOT/etc/group"
        cp /bin/busybox "$VM_ROOT/usr/bin/busybox"
        busybox --list | while read -r applet; do
                [ "$applet" = busybox ] || ln -s busybox "$VM_ROOT/usr/bin/$applet"
        done
}

# The programs of packages.
vm_programs_of() {
        dpkg -L "$@" | grep -E '^(/usr)?/s?bin/.' | while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}

# Cloister at /cloister/build, and the tests' shell functions at /cloister/tests.
vm_root_cloister() {
        local program
        vm_build || return
        for program in cloisterd cloisterctl cloister-hook cloister-runc; do
                vm_place "$VM_BUILD/src/bin/$program" "/cloister/build/src/bin/$program" || return
        done
        mkdir -p "$VM_ROOT/cloister/tests/vm" && cp "$VM_SOURCE/tests/lib.sh" "$VM_ROOT/cloister/tests/"
}

vm_root_basic() {
        vm_root_folders
        install -m 755 "$VM_SOURCE/tests/vm/guest-init.sh" "$VM_ROOT/vm/init"
        vm_add /usr/bin/bash /usr/bin/dash /usr/bin/jq /usr/lib/locale/C.utf8 $(vm_programs_of coreutils findutils grep sed util-linux procps mount) &&
                ln -sfn dash "$VM_ROOT/usr/bin/sh" && vm_modules $VM_MODULES && vm_root_cloister
}

# ---- boot ----------------------------------------------------------------------------------------------------------

# An initramfs that mounts the disk and goes on from there with /vm/init.
vm_initramfs() {
        local dir=$VM_WORK/initramfs f
        mkdir -p "$dir"/{bin,dev,proc,newroot,modules}
        cp /bin/busybox "$dir/bin/"
        for f in $(vm_module_files $VM_DISK_MODULES); do
                case $f in
                *.xz) xz -dc "$f" >"$dir/modules/$(basename "$f" .xz)" ;;
                *) cp "$f" "$dir/modules/" ;;
                esac
                echo "/bin/busybox insmod /modules/$(basename "$f" .xz)" >>"$dir/modules/load"
        done
        touch "$dir/modules/load"
        cat >"$dir/init" <<'END'
#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
. /modules/load
n=0
until [ -b /dev/vda ] || [ $n = 100 ]; do n=$((n + 1)); busybox sleep 0.1; done
busybox mount -t ext4 /dev/vda /newroot
busybox umount /proc
exec busybox switch_root /newroot /vm/init
END
        chmod 755 "$dir/init"
        (cd "$dir" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$VM_WORK/initramfs.gz"
}

vm_image() {
        local megabytes
        megabytes=$(($(du -sm "$VM_ROOT" | cut -f 1) + 192))
        truncate -s "${megabytes}M" "$VM_WORK/root.img" &&
                mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0,lazy_itable_init=1 -d "$VM_ROOT" "$VM_WORK/root.img" &&
                truncate -s 64M "$VM_WORK/back.img"
}

# Words that a shell reads as they are.
vm_quote() {
        printf '%q ' "$@"
}

# vm_boot SECONDS: standard output is what the command prints.
vm_boot() {
        timeout --foreground --kill-after=5 "$1" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M q35 -smp 2 -m $VM_MEMORY \
                -nodefaults -no-user-config -display none -no-reboot \
                -kernel "$VM_KERNEL"/boot/vmlinuz-* -initrd "$VM_WORK/initramfs.gz" \
                -append "console=ttyS0 loglevel=4 panic=-1 random.trust_cpu=on ${VM_APPEND-}" \
                -serial "file:$VM_WORK/console" -chardev stdio,id=out,signal=off -serial chardev:out \
                -drive "file=$VM_WORK/root.img,format=raw,if=virtio,cache=unsafe" \
                -drive "file=$VM_WORK/back.img,format=raw,if=virtio,cache=unsafe" </dev/null
}

# vm_run SECONDS COMMAND...: files that /vm/back names come back below $VM_WORK/back.
vm_run() {
        local seconds=$1 status
        shift
        { echo "cd /"; echo "export CLOISTER_IN_VM=1 CLOISTER_BUILD=/cloister/build ${VM_ENV-}"; vm_quote "$@"; } >"$VM_ROOT/vm/command"
        printf '%s\n' "${VM_BACK[@]}" >"$VM_ROOT/vm/back"
        echo "${VM_CGROUP:-v2}" >"$VM_ROOT/vm/cgroup"
        vm_initramfs && vm_image || return 125
        vm_boot "$seconds"
        status=$?
        mkdir "$VM_WORK/back" && tar -xf "$VM_WORK/back.img" -C "$VM_WORK/back" 2>/dev/null
        [ $status = 0 ] && [ -s "$VM_WORK/back/vm/status" ] && return "$(cat "$VM_WORK/back/vm/status")"
        vm_say "no result (qemu: $status); the end of the console, of kernel $VM_RELEASE:"
        tail -n 80 "$VM_WORK/console" | tr -d '\r' >&2
        [ $status = 124 ] && return 124
        return 125
}

# ---- all of it -----------------------------------------------------------------------------------------------------

# vm_begin VERSION: 77 when it cannot run here.
vm_begin() {
        VM_CACHE=${CLOISTER_BUILD:-$VM_SOURCE/build-test}/vm VM_BACK=()
        mkdir -p "$VM_CACHE"
        exec 8>"$VM_CACHE/lock" # one machine at a time: they take all CPUs
        flock 8
        . "$VM_SOURCE/packaging/packages.sh"
        packages_install $VM_PACKAGES >&2 || { vm_say "cannot run: the packages $VM_PACKAGES cannot be had"; return 77; }
        vm_kernel "$1" || { vm_say "cannot run: no Debian kernel $1 can be downloaded"; return 77; }
        VM_WORK=$(mktemp -d "${TMPDIR:-/tmp}/vm.XXXX")
        VM_ROOT=$VM_WORK/root
        mkdir "$VM_ROOT"
}

vm_end() {
        [ -z "${VM_WORK-}" ] || rm -rf --one-file-system "$VM_WORK"
}
