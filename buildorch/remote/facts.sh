# shellcheck shell=sh
# What this server has, and what is missing, with what that costs.

bo_look() {
    bo_missing="missing there is no python3 (3.3 or newer): a process of a job that leaves its session and also clears its environment survives a kill"
    bo_flock=flock
    command -v flock >/dev/null || {
        bo_flock=
        bo_lack 'there is no flock, so no locks can be taken: stages with a workdir or resources are refused here, unless share_workdir is set and they have no resources; install util-linux (or python3)'
    }
    bo_nap=yes
    sleep 0.01 2>/dev/null || {
        bo_nap=no
        bo_lack 'sleep takes whole seconds only: deadlines are kept to the second'
    }
    if [ "$(setsid --fork --wait sh -c 'exit 3' 2>/dev/null; echo $?)" = 3 ]; then
        bo_setsid='wait'
    else
        bo_setsid=setsid
        command -v setsid >/dev/null || {
            bo_setsid=
            bo_lack 'there is no setsid: a job shares the session of the connection'
        }
        bo_lack 'setsid cannot wait: a command that is killed by signal N looks as if it had ended with code 128+N, and bitbake is not asked to stop by SIGINT before it is ended'
    fi
    bo_look_at_mounts
    command -v sha256sum >/dev/null || bo_lack 'there is no sha256sum: collected logs are not compared'
    [ -r /proc/self/stat ] || buildorch_unusable 'there is neither python3 nor /proc: no job could be watched over'
}

# Says so where other machines may build in the workdir: locks are each machine's own.
bo_look_at_mounts() {
    [ -n "$buildorch_workdir" ] || return 0
    bo_value=$(buildorch_absolute "$buildorch_workdir")
    bo_kind=$(printf '%s\n' "$bo_value" | awk '
        NR == FNR { path = $0 "/"; next }
        { point = $5; gsub(/\\040/, " ", point); sub(/\/*$/, "/", point)
          if (index(path, point) == 1 && length(point) >= length(best)) {
            best = point; kind = ""; for (i = 7; i < NF; i++) if ($i == "-") { kind = $(i + 1); break } } }
        END { print kind }' - /proc/self/mountinfo)
    case $bo_kind in
    9p | afs | beegfs | ceph | cifs | fuse.glusterfs | fuse.sshfs | gpfs | lustre | nfs | nfs4 | smb3 | smbfs)
        bo_lack "the workdir $bo_value is on $bo_kind: builds that other machines run in it are not kept out, since locks are each machine's own; give each machine a workdir of its own"
        ;;
    esac
}

bo_lack() {
    bo_missing="$bo_missing
missing $1"
}
