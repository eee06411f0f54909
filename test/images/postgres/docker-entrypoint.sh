#!/bin/bash
# Makes the database of an empty volume from POSTGRES_PASSWORD (or _FILE), POSTGRES_USER, POSTGRES_DB and what lies in
# /docker-entrypoint-initdb.d, then runs it as the user postgres.
set -eu
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  chown postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  HOME=/var/lib/postgresql exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo 'The database is new and POSTGRES_PASSWORD is not set' >&2
    exit 1
  fi
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 --auth-local=trust --no-sync >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl start --wait --silent --options "-c listen_addresses='' -c jit=off"
  [ "$database" = postgres ] || psql --quiet --username="$user" --dbname=postgres --command "CREATE DATABASE \"$database\""
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -e "$file" ] || psql --quiet --username="$user" --dbname="$database" --set=ON_ERROR_STOP=1 --file="$file"
  done
  pg_ctl stop --wait --silent --mode=fast
fi
if [ "$1" = postgres ]; then set -- "$@" -c "listen_addresses=*" -c jit=off; fi
exec "$@"
