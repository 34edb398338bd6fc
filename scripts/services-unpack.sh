#!/usr/bin/env bash
# services-unpack.sh DIR SET: fetches Debian 13's packages of a set and unpacks them into a folder of DIR:
#   programs     TimescaleDB and Redis (95 MB)
#   prometheus   prometheus, promtool and VictoriaMetrics, which takes OTLP (370 MB); apart, so that a change of one
#                leaves the other running
#   compose      docker-compose, which reads its files without an engine too (75 MB)
#
# Works on any Debian, as any user, and changes nothing outside DIR: apt gets its own state, cache and
# sources; the programs are pointed at the loader and libraries unpacked beside them, for those of an
# older system are too old. Once; nothing to do when DIR/SET is complete.
set -euo pipefail

release=trixie
# executables: what is run directly; shell globs inside DIR/SET.
case $2 in
  programs)
    packages=(postgresql-17-timescaledb redis-server)
    executables=('usr/lib/postgresql/17/bin/*' usr/bin/redis-server)
    ;;
  prometheus)
    packages=(prometheus victoria-metrics)
    executables=(usr/bin/prometheus usr/bin/promtool usr/bin/victoria-metrics)
    ;;
  compose)
    packages=(docker-compose)
    executables=(usr/libexec/docker/cli-plugins/docker-compose)
    ;;
  *) exit 64 ;;
esac

dir=$(cd "$1" && pwd -P)
programs=$dir/$2
building=$dir/$2.new
apt=$dir/apt
# The programs hold the absolute path of their loader: a moved folder is unpacked anew.
stamp="$programs $release ${packages[*]}"

say() { echo "services: $*" >&2; }
fail() { say "$*"; exit 1; }

[[ $(cat "$programs/.complete" 2>/dev/null) != "$stamp" ]] || exit 0
for tool in apt-get dpkg; do
  command -v $tool >/dev/null || fail "needs a Docker engine, or Debian's $tool"
done

# The mirror this machine already uses. Before the first `apt-get update` apt knows no origins yet.
mirror() {
  local uris
  uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian')
  [[ -n $uris ]] || uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$')
  head -n 1 <<<"$uris"
}

configure_apt() {
  rm -rf "$apt"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  : >"$apt/status"
  cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
  local uri keyring
  uri=$(mirror) || true
  [[ -n $uri ]] || fail 'this machine names no Debian mirror: start a Docker engine instead'
  for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    [[ ! -f $keyring ]] || break
  done
  echo "deb [signed-by=$keyring] $uri $release main" >"$apt/sources.list"
  export APT_CONFIG=$apt/apt.conf
}

fetch() {
  say "fetching ${packages[*]} (once)"
  apt-get -qq update >&2
  apt-get -qq -y --download-only install "${packages[@]}" patchelf >&2
}

unpack() {
  rm -rf "$building"
  mkdir -p "$building"
  local file
  for file in "$apt"/archives/*.deb; do dpkg -x "$file" "$building"; done
  # Two thirds of the size, and nothing here needs it: documents, translations, the compiler of jit=on.
  rm -rf "$building"/usr/share/{doc,locale,i18n,man,perl} "$building"/usr/lib/*/{perl,perl-base,libLLVM*,libz3*}
}

# patchelf comes from the same release, so it runs through the unpacked loader itself.
patch_programs() {
  local loader libraries pattern file
  loader=$(cd "$building" && echo usr/lib*/ld-linux-*.so.* usr/lib/*/ld-linux-*.so.* | tr ' ' '\n' | grep -v '\*' | head -n 1)
  libraries=$(cd "$building" && dirname usr/lib/*/libc.so.6)
  for pattern in "${executables[@]}"; do
    # shellcheck disable=SC2231
    for file in "$building"/$pattern; do
      file=$(readlink -f "$file")
      [[ $(head -c 4 "$file") == $'\x7fELF' ]] || continue
      # DT_RPATH, unlike DT_RUNPATH, also serves the libraries of the libraries.
      "$building/$loader" --library-path "$building/$libraries" "$building/usr/bin/patchelf" \
        --set-interpreter "$programs/$loader" --force-rpath --set-rpath "$programs/$libraries" "$file"
    done
  done
}

configure_apt
fetch
unpack
patch_programs
echo "$stamp" >"$building/.complete"
rm -rf "$programs" "$apt/archives" "$apt/lists"
mv "$building" "$programs"
