#!/usr/bin/env bash
# Run after every migration: lets the worker's login do a worker's work, and nothing else, and makes the logins of
# the keeper, who removes what may not be kept any longer, and of the watcher, who runs the monitor. The roles themselves are
# made by the migrations.
set -euo pipefail

PGPASSWORD=$(cat /run/secrets/database_owner_password)
export PGPASSWORD
keeper_password=$(cat /run/secrets/database_keeper_password)
watcher_password=$(cat /run/secrets/database_watcher_password)
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host=postgres --username=operator --dbname=sentinode <<SQL
GRANT sentinode_worker TO worker;
SELECT 'CREATE ROLE keeper LOGIN CONNECTION LIMIT 4 PASSWORD ''$keeper_password'''
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keeper') \gexec
GRANT sentinode_admin TO keeper;
SELECT 'CREATE ROLE watcher LOGIN CONNECTION LIMIT 4 PASSWORD ''$watcher_password'''
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'watcher') \gexec
GRANT sentinode_monitor TO watcher;
SQL
