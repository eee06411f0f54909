#!/bin/bash
# Makes the database of an empty volume from MYSQL_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER and MYSQL_PASSWORD, then runs it.
set -eu
data=/var/lib/mysql
[ "${1#-}" = "$1" ] || set -- mysqld "$@"
if [ "$1" != mysqld ]; then exec "$@"; fi
shift
quoted() { printf "'%s'" "${1//\'/\'\'}"; }
if [ ! -d "$data/mysql" ]; then
  if [ -z "${MYSQL_ROOT_PASSWORD:-}" ]; then
    echo 'The database is new and MYSQL_ROOT_PASSWORD is not set' >&2
    exit 1
  fi
  chown mysql:mysql "$data"
  mariadb-install-db --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal >/dev/null
  {
    echo "ALTER USER root@localhost IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    echo "CREATE USER root@'%' IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
    if [ -n "${MYSQL_DATABASE:-}" ]; then echo "CREATE DATABASE \`$MYSQL_DATABASE\`;"; fi
    if [ -n "${MYSQL_USER:-}" ]; then
      echo "CREATE USER $(quoted "$MYSQL_USER")@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
      echo "GRANT ALL ON \`${MYSQL_DATABASE:-%}\`.* TO $(quoted "$MYSQL_USER")@'%';"
    fi
  } >/tmp/init.sql
  chown mysql /tmp/init.sql
  set -- --init-file=/tmp/init.sql "$@"
fi
exec mariadbd --user=mysql --datadir="$data" "$@"
