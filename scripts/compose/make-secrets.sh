#!/bin/sh
# make-secrets DIR: passwords for docker-compose.yml, in one folder per reader; a volume each, so that a container sees
# its own alone. What is there stays: put your own in and run it again. Runs in any image with a shell.
#
#   database/  password, url          of TimescaleDB: the api, migrations
#   redis/     password, url, auth.conf     the api, coordinators, pollers
#   admin/     password               of the first person who signs in
#   grafana/   headframe_reader_password, grafana_admin_password
set -eu
umask 022

root=$1
text() { head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# put FILE TEXT: whole or not at all.
put() {
  mkdir -p "$(dirname "$1")"
  printf '%s\n' "$2" >"$1.new"
  mv "$1.new" "$1"
}

# keep FILE [TEXT]: made where it is not there yet.
keep() {
  [ -s "$1" ] || put "$1" "${2:-$(text)}"
  # They stand in URLs and in settings of Redis as they are.
  case $(cat "$1") in
    *[!A-Za-z0-9._~-]*) echo "make-secrets: $1: letters, digits and . _ ~ - only" >&2; exit 78 ;;
  esac
}

keep "$root/database/password" "${HEADFRAME_DB_PASSWORD:-}"
keep "$root/redis/password"
keep "$root/admin/password"
keep "$root/grafana/headframe_reader_password"
keep "$root/grafana/grafana_admin_password"

database=$(cat "$root/database/password")
redis=$(cat "$root/redis/password")
put "$root/database/url" "postgres://headframe:$database@timescaledb:5432/headframe"
put "$root/redis/url" "redis://:$redis@redis:6379"
put "$root/redis/auth.conf" "requirepass $redis"
