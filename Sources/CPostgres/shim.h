#ifndef CPOSTGRES_SHIM_H
#define CPOSTGRES_SHIM_H

#include <libpq-fe.h>

/* The field codes of a server report are character macros, which Swift does not import. */
static const int report_sqlstate = PG_DIAG_SQLSTATE;
static const int report_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int report_message = PG_DIAG_MESSAGE_PRIMARY;
static const int report_hint = PG_DIAG_MESSAGE_HINT;
static const int report_position = PG_DIAG_STATEMENT_POSITION;
static const int report_table = PG_DIAG_TABLE_NAME;
static const int report_constraint = PG_DIAG_CONSTRAINT_NAME;

#endif
