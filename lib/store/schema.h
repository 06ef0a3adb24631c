/* The tables of a store, and how an older store becomes a newer one. */
#ifndef AIRE_STORE_SCHEMA_H
#define AIRE_STORE_SCHEMA_H

#include "store/internal.h"

/* "aire" in SQLite's application_id: what tells a store from another program's database. */
#define AIRE_STORE_APPLICATION_ID 0x61697265

/*
 * Check that the open file is a store, or may become one: AIRE_FORMAT, AIRE_UNSUPPORTED (newer, or
 * too old to be read without being brought up to date), AIRE_CORRUPT. *version is 0 for an empty
 * database.
 */
aire_status aire__schema_check(aire_store *store, int64_t *version);

/* Inside a write: bring the tables from `version` up to date. */
aire_status aire__schema_migrate(aire_store *store, int64_t version);

#endif
