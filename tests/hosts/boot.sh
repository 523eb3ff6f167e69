# Runs as PID 1's ancestor in the fresh namespaces of a host; DIR holds what is the host's own.
exec 3>&"$READY"
hostname "$NAME"
mount --bind "$DIR/etc-ssh" /etc/ssh
mount --bind "$DIR/home" /home
mount --bind "$DIR/workspace" /workspace
for file in passwd group shadow; do mount --bind "$DIR/$file" "/etc/$file"; done
mount --bind "$DIR/boot_id" /proc/sys/kernel/random/boot_id
[ -e "$DIR/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$DIR/machine-id"
mount --bind "$DIR/machine-id" /etc/machine-id
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd
mkdir -m 1777 /run/lock
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
cd /
mount -t tmpfs -o mode=1777,size=512m tmpfs /tmp
echo up >&3
exec 3>&-
exec "$PYTHON" -S -E -c "$INIT"
