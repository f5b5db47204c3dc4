#!/bin/sh
':' /*
# To Node.js this is a string and a comment; the shell runs it up to its last line but one.
#
# V8 lets a heap have a quarter of the machine's memory, and never more than 4 GB: what outgrows that ends. Here it may have three quarters of what the
# machine or the control group has, unless NODE_OPTIONS says how much.
unset NODE_EXTRA_CA_CERTS
mb=0
limit() {
  if [ -r "$1" ] && read -r bytes <"$1" && [ "$bytes" != max ] && [ $((bytes / 1048576)) -lt "$mb" ]; then mb=$((bytes / 1048576)); fi
}
# A folder, a control group below it, and the name of the file with the limit, which each group above it may have too.
limits() {
  group=$2
  while [ -n "$group" ]; do
    limit "$1$group/$3"
    group=${group%/*}
  done
  limit "$1/$3"
}
if [ -r /proc/meminfo ] && [ -r /proc/self/cgroup ]; then
  read -r _ kb _ </proc/meminfo
  mb=$((kb / 1024))
  while IFS=: read -r number controller path; do
    if [ "$number" = 0 ]; then limits /sys/fs/cgroup "$path" memory.max; fi
    if [ "$controller" = memory ]; then limits /sys/fs/cgroup/memory "$path" memory.limit_in_bytes; fi
  done </proc/self/cgroup
fi
heap=
if [ "$mb" -gt 0 ]; then heap=--max-old-space-size=$((mb * 3 / 4)); fi
case $NODE_OPTIONS in *max[-_]old[-_]space[-_]size*) heap= ;; esac
exec node $heap @OPTIONS@ "$0" "$@"
*/;
