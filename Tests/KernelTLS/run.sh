#!/usr/bin/env bash
# Runs the tests of TLS on a kernel that makes records itself: Debian's, in a virtual machine without hardware support,
# which sees the files of this system and changes none. Tens of times slower than the machine; what it runs
# by itself takes a minute. As root. What to run instead is a filter of the tests:
#
#     swift build --build-tests && Tests/KernelTLS/run.sh ['FileAnswerTests|LargeFileTests']
set -euo pipefail
cd "$(dirname "$0")/../.."
filter=${1:-KernelTLSTests|TLSFactsTests|HostileTLSTests}
[[ -x .build/debug/apusPackageTests.xctest ]] || { echo "swift build --build-tests comes first" >&2; exit 2; }
apt-get install -y -q --no-install-recommends qemu-system-x86 busybox-static kmod cpio >/dev/null

machine=$PWD/.build/kernel-tls
if [[ ! -e $machine/kernel/boot ]]; then
    mkdir -p "$machine/kernel"
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -1)
    (cd "$machine" && apt-get download -q "$package" && dpkg -x "$package"_*.deb kernel)
    depmod -b "$machine/kernel" "$(ls "$machine/kernel/lib/modules")"
fi
modules=$machine/kernel/lib/modules/$(ls "$machine/kernel/lib/modules")

# The first program: finds this system's files over 9p, and keeps what is written in memory.
rm -rf "$machine/first"
mkdir -p "$machine/first"/{bin,dev,proc,sys,below,above,root}
cp "$(command -v busybox)" "$machine/first/bin/"
names=(virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p
    overlay)
for name in "${names[@]}"; do cp "$(find "$modules" -name "$name.ko")" "$machine/first/"; done
cat >"$machine/first/init" <<END
#!/bin/busybox sh
set -e
alias mount="busybox mount" mkdir="busybox mkdir"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for name in ${names[*]}; do busybox insmod /\$name.ko; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro files /below
mount -t tmpfs -o size=2g memory /above
mkdir /above/changed /above/work
mount -t overlay -o lowerdir=/below,upperdir=/above/changed,workdir=/above/work all /root
for place in proc sys dev; do mount --bind /\$place /root/\$place; done
mkdir -p /root/dev/shm /root/lib/modules
mount -t tmpfs shm /root/dev/shm
mount -t tmpfs run /root/run
mount -t tmpfs -o size=2g tmp /root/tmp
mount --bind "/root$machine/kernel/lib/modules" /root/lib/modules
busybox chroot /root /bin/bash "$machine/tests.sh" || echo "Tests ended with status \$?"
busybox poweroff -f
END
chmod +x "$machine/first/init"
(cd "$machine/first" && find . | cpio -o -H newc --quiet | gzip -1) >"$machine/first.gz"

cat >"$machine/tests.sh" <<END
export PATH='$PATH' HOME=/root APUS_TEST_KERNEL_TLS=1
cd '$PWD'
busybox ip link set lo up
ulimit -n 20000
# Nothing loads ciphers by itself here.
for name in tls gcm ghash-clmulni-intel aesni-intel ccm chacha20poly1305; do modprobe \$name; done
.build/debug/apusPackageTests.xctest --testing-library swift-testing --filter '$filter'
status=\$?
grep -E 'Tls[TR]xSw|Error' /proc/net/tls_stat
exit \$status
END

qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 6144 -nic none -nographic -no-reboot \
    -kernel "$machine"/kernel/boot/vmlinuz-* -initrd "$machine/first.gz" -append "console=ttyS0 quiet panic=-1" \
    -fsdev local,id=files,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=files,mount_tag=files </dev/null | tee "$machine/output"
! grep -q "Tests ended with status" "$machine/output"
