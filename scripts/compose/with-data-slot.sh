#!/bin/sh
# with-data-slot ROOT COMMAND…: runs COMMAND with a data folder of its own, the first of ROOT/1, ROOT/2, … that no
# other process holds. Replicas of a container share a volume so, and whoever takes a folder after a restart or an
# upgrade sends what the one before left in its spool. The lock ends with the process, however it ends.
set -eu

root=$1
shift
slot=1
while [ "$slot" -le 256 ]; do
  mkdir -p "$root/$slot"
  # The descriptor stays open over exec: the program holds the lock without knowing of it.
  exec 9>"$root/$slot.lock"
  if flock -n 9; then
    export HEADFRAME_DATA_DIR="$root/$slot"
    exec "$@"
  fi
  slot=$((slot + 1))
done
echo "with-data-slot: all 256 folders in $root are in use" >&2
exit 75
