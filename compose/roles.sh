#!/usr/bin/env bash
# Run once by the PostgreSQL image when it makes a new database: the owner, who migrates, and the worker's login.
# Neither is called sentinode: names without a schema would land in the schema of that name.
set -euo pipefail

owner_password=$(cat /run/secrets/database_owner_password)
worker_password=$(cat /run/secrets/database_worker_password)
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<SQL
CREATE ROLE operator LOGIN CREATEROLE CREATEDB PASSWORD '$owner_password';
CREATE ROLE worker LOGIN CONNECTION LIMIT 64 PASSWORD '$worker_password';
CREATE DATABASE sentinode OWNER operator;
SQL
