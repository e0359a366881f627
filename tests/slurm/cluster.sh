#!/usr/bin/env bash
# A SLURM of two nodes on this one machine, on loopback, for tests: cluster.sh up DIR | cluster.sh down DIR (as root).
# Debian: apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
# The configuration must lie at /etc/slurm/slurm.conf: the executor's nested srun reads no other. A file that is there already is not ours, and
# stops us. There are no control groups, so memory is scheduled but not enforced: the nodes claim enough for what the profile asks for. A silent
# node counts as lost after ten seconds, and what ran on it starts elsewhere when its credentials are over, after twenty.
set -euo pipefail
action=$1 dir=$(realpath -m "$2") conf=/etc/slurm/slurm.conf mark="# made by microrank's tests"

down() {
  for name in slurmd-n1 slurmd-n2 slurmctld munged; do
    [ ! -s "$dir/run/$name.pid" ] || kill "$(cat "$dir/run/$name.pid")" 2>/dev/null || true
  done
  if head -n 1 "$conf" 2>/dev/null | grep -qF "$mark"; then rm "$conf"; fi
}

up() {
  if [ -e "$conf" ] && ! head -n 1 "$conf" | grep -qF "$mark"; then
    echo "$conf is there already and not ours; this machine has a SLURM of its own" >&2
    exit 1
  fi
  mkdir -p "$dir"/{state,log,run} /etc/slurm
  install -d -o munge -g munge /run/munge "$dir/munge"
  local host
  host=$(hostname -s)
  cat >"$conf" <<CONF
$mark
ClusterName=microrank
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=20
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
MinJobAge=3600
SlurmdTimeout=10
SchedulerParameters=sched_interval=2
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=2 RealMemory=64000
PartitionName=main Nodes=ALL Default=YES State=UP
CONF
  runuser -u munge -- /usr/sbin/munged --force
  cp /run/munge/munged.pid "$dir/run/munged.pid"
  /usr/sbin/slurmctld
  /usr/sbin/slurmd -N n1
  /usr/sbin/slurmd -N n2
  for _ in $(seq 80); do
    if [ "$(sinfo --noheader -o %T -N 2>/dev/null | grep -c idle)" = 2 ]; then exit 0; fi
    sleep 0.25
  done
  sinfo >&2
  exit 1
}

"$action"
