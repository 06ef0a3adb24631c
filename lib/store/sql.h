/* Every fixed statement of the store, by name. */
#ifndef AIRE_STORE_SQL_H
#define AIRE_STORE_SQL_H

/* clang-format off */
#define AIRE_SQL_PLAN_COLUMNS_ "id, kind, epoch, count, submitted, closed"

#define AIRE_SQL_IDEA_COLUMNS_                                                                     \
    "id, plan_id, ordinal, title, text, changes, reasoning, origin, patch_format, patch, kind"

#define AIRE_SQL_RUN_COLUMNS_ "id, kind, idea_id, seed, priority, attempts"

/* The order of enum result_column in results.c. */
#define AIRE_SQL_RESULTS_                                                                          \
    "SELECT results.run_id, runs.kind, runs.seed, runs.idea_id, outcome, stage, cause, code,"      \
    " detail, trust, results.attempts, reward, variant, log_tail, patch_format, patch"             \
    " FROM results JOIN runs ON runs.id = results.run_id"

#define AIRE_SQL_MAP(X)                                                                            \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(COMMIT, "COMMIT")                                                                            \
                                                                                                   \
    X(LEASE, "SELECT fence, pid, host FROM lease")                                                 \
    X(TAKE_LEASE,                                                                                  \
      "INSERT INTO lease (id, fence, pid, host, since_ms) VALUES (1, 1, ?, ?, ?)"                  \
      " ON CONFLICT (id) DO UPDATE SET fence = fence + 1, pid = excluded.pid,"                     \
      " host = excluded.host, since_ms = excluded.since_ms RETURNING fence")                       \
    X(QUEUE_AGAIN, "UPDATE runs SET state = 0 WHERE state < 2 AND state <> 0")                     \
                                                                                                   \
    X(META, "SELECT value FROM meta WHERE name = ?")                                               \
    X(SET_META,                                                                                    \
      "INSERT INTO meta (name, value) VALUES (?, ?)"                                               \
      " ON CONFLICT (name) DO UPDATE SET value = excluded.value")                                  \
    X(DROP_META, "DELETE FROM meta WHERE name = ?")                                                \
    X(NOTE, "SELECT value FROM notes WHERE name = ?")                                              \
    X(SET_NOTE,                                                                                    \
      "INSERT INTO notes (name, value) VALUES (?, ?)"                                              \
      " ON CONFLICT (name) DO UPDATE SET value = excluded.value")                                  \
                                                                                                   \
    X(ADD_PLAN, "INSERT INTO plans (kind, epoch, count, made_ms) VALUES (?, ?, ?, ?)"              \
      " RETURNING id")                                                                             \
    X(ADD_PLAN_PARENT, "INSERT INTO plan_parents (plan_id, ordinal, run_id) VALUES (?, ?, ?)")     \
    X(ADD_PLAN_AVOID,                                                                              \
      "INSERT INTO plan_avoid (plan_id, ordinal, idea_id, last_id) VALUES (?, ?, ?, ?)")           \
    X(CLOSE_OTHER_PLANS, "UPDATE plans SET closed = 1 WHERE closed = 0 AND id <> ?")               \
    X(CLOSE_PLAN, "UPDATE plans SET closed = 1 WHERE id = ? RETURNING id")                         \
    X(COUNT_SUBMITTED, "UPDATE plans SET submitted = submitted + 1 WHERE id = ? RETURNING epoch")  \
    X(PLAN, "SELECT " AIRE_SQL_PLAN_COLUMNS_ " FROM plans WHERE id = ?")                           \
    X(LAST_PLAN, "SELECT " AIRE_SQL_PLAN_COLUMNS_ " FROM plans ORDER BY id DESC LIMIT 1")          \
    X(OPEN_PLAN,                                                                                   \
      "SELECT id FROM plans WHERE closed = 0 AND submitted < count ORDER BY id DESC LIMIT 1")      \
    X(PLAN_PARENTS, "SELECT run_id FROM plan_parents WHERE plan_id = ? ORDER BY ordinal")          \
    X(PLAN_AVOID,                                                                                  \
      "SELECT i.id FROM plan_avoid a JOIN ideas i"                                                 \
      " ON i.id BETWEEN a.idea_id AND ifnull(a.last_id, a.idea_id)"                                \
      " WHERE a.plan_id = ? ORDER BY a.ordinal, i.id")                                             \
    X(EPOCH_IDEAS, "SELECT ifnull(sum(submitted), 0) FROM plans WHERE epoch = ?")                  \
    X(EPOCH_UNTOLD,                                                                                \
      "SELECT count(*) FROM runs WHERE epoch = ? AND kind = 1 AND told IS NULL")                   \
                                                                                                   \
    X(ADD_IDEA,                                                                                    \
      "INSERT INTO ideas (plan_id, ordinal, title, text, changes, reasoning, origin,"              \
      " patch_format, patch, made_ms, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id")         \
    X(ADD_IDEA_PARENT,                                                                             \
      "INSERT INTO idea_parents (idea_id, ordinal, parent_id) VALUES (?, ?, ?)")                   \
    X(IDEA, "SELECT " AIRE_SQL_IDEA_COLUMNS_ " FROM ideas WHERE id = ?")                           \
    X(IDEAS, "SELECT " AIRE_SQL_IDEA_COLUMNS_ " FROM ideas ORDER BY id")                           \
    X(IDEAS_AFTER, "SELECT " AIRE_SQL_IDEA_COLUMNS_ " FROM ideas WHERE id > ? ORDER BY id")        \
    X(IDEAS_OF_PLAN,                                                                               \
      "SELECT " AIRE_SQL_IDEA_COLUMNS_ " FROM ideas WHERE plan_id = ? ORDER BY id")                \
    X(IDEA_AT, "SELECT id FROM ideas WHERE plan_id = ? AND ordinal = ?")                           \
    X(IDEA_PLACE,                                                                                  \
      "SELECT plans.epoch FROM ideas LEFT JOIN plans ON plans.id = ideas.plan_id"                  \
      " WHERE ideas.id = ?")                                                                       \
    X(IDEA_PARENTS, "SELECT parent_id FROM idea_parents WHERE idea_id = ? ORDER BY ordinal")       \
                                                                                                   \
    X(ADD_RUN,                                                                                     \
      "INSERT INTO runs (kind, idea_id, epoch, seed, priority, submitted_ms)"                      \
      " VALUES (?, ?, ?, ?, ?, ?) RETURNING id")                                                   \
    X(RUN, "SELECT " AIRE_SQL_RUN_COLUMNS_ " FROM runs WHERE id = ?")                              \
    X(RUN_OF_IDEA, "SELECT id FROM runs WHERE idea_id = ? AND kind = 1")                           \
    X(RUN_OF_SEED,                                                                                 \
      "SELECT id FROM runs WHERE kind = ?1 AND ifnull(idea_id, 0) = ?2 AND seed = ?3"              \
      " AND kind <> 1")                                                                            \
    X(UNFINISHED,                                                                                  \
      "SELECT " AIRE_SQL_RUN_COLUMNS_ " FROM runs WHERE state < 2 AND kind <> 4 ORDER BY id")      \
    X(BEGIN_RUN,                                                                                   \
      "UPDATE runs SET state = 1, attempts = ?2, began_ms = ?3 WHERE id = ?1 AND state < 2"        \
      " RETURNING id")                                                                             \
    X(RUN_STATE, "SELECT state, kind, ifnull(idea_id, 0), told FROM runs WHERE id = ?")            \
    X(FINISH_RUN, "UPDATE runs SET state = 2, finished_ms = ?2 WHERE id = ?1")                     \
    X(TELL_RUN,                                                                                    \
      "UPDATE runs SET told = 1 + ifnull((SELECT max(told) FROM runs WHERE told IS NOT NULL), 0)"  \
      " WHERE id = ?")                                                                             \
    X(HAS_FINISHED, "SELECT 1 FROM results WHERE run_id = ?")                                      \
    X(TOLD_FACTS,                                                                                  \
      "SELECT runs.id, runs.kind, runs.epoch, runs.idea_id, results.reward FROM runs"              \
      " JOIN results ON results.run_id = runs.id WHERE runs.told IS NOT NULL ORDER BY runs.told")  \
    X(VARIANT,                                                                                     \
      "SELECT run_id FROM results WHERE variant = ? AND kind = 1 AND variant <> ''"                \
      " AND outcome NOT IN (1, 13, 14) ORDER BY run_id LIMIT 1")                                   \
                                                                                                   \
    X(ADD_RESULT,                                                                                  \
      "INSERT INTO results (run_id, kind, outcome, stage, cause, code, trust, attempts, reward,"   \
      " variant, detail, log_tail, patch_format, patch)"                                           \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                        \
    X(ADD_METRIC, "INSERT INTO metrics (run_id, ordinal, name, value) VALUES (?, ?, ?, ?)")        \
    X(ADD_USAGE,                                                                                   \
      "INSERT INTO usage (run_id, ordinal, stage, wall_ms, user_ms, system_ms, max_rss_bytes,"     \
      " io_read_bytes, io_write_bytes, gpu_memory_bytes, gpu_ms)"                                  \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                                 \
    X(RESULT, AIRE_SQL_RESULTS_ " WHERE results.run_id = ?")                                       \
    X(UNTOLD,                                                                                      \
      AIRE_SQL_RESULTS_ " WHERE runs.state = 2 AND runs.told IS NULL AND runs.kind <> 4"           \
                        " ORDER BY results.seq")                                                   \
    X(TOLD, AIRE_SQL_RESULTS_ " WHERE runs.told IS NOT NULL ORDER BY runs.told")                   \
    X(METRICS, "SELECT name, value FROM metrics WHERE run_id = ? ORDER BY ordinal")                \
    X(USAGE,                                                                                       \
      "SELECT stage, wall_ms, user_ms, system_ms, max_rss_bytes, io_read_bytes, io_write_bytes,"   \
      " gpu_memory_bytes, gpu_ms FROM usage WHERE run_id = ?"                                      \
      " ORDER BY ordinal")                                                                         \
                                                                                                   \
    X(ADD_DRAFT,                                                                                   \
      "INSERT INTO drafts (run_id, number, at_ms, kind, repair, candidate, round, outcome, cause," \
      " model, sent, answer, patch, message, input_tokens, output_tokens, latency_ms, cost)"       \
      " VALUES (?1, 1 + ifnull((SELECT max(number) FROM drafts WHERE run_id = ?1), 0),"            \
      " ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"                   \
      " RETURNING number")                                                                         \
    X(CHOOSE_DRAFT,                                                                                \
      "UPDATE drafts SET chosen = (number = ?3) WHERE run_id = ?1 AND repair = ?2")                \
    X(END_DRAFT,                                                                                   \
      "UPDATE drafts SET outcome = ?3, cause = ?4, message = ?5"                                   \
      " WHERE run_id = ?1 AND number = ?2")                                                        \
    X(DRAFTS,                                                                                      \
      "SELECT number, kind, repair, candidate, round, chosen, outcome, cause, model, sent,"        \
      " answer, patch, message, input_tokens, output_tokens, latency_ms, cost FROM drafts"         \
      " WHERE run_id = ? ORDER BY number")                                                         \
                                                                                                   \
    X(COMPLETION,                                                                                  \
      "SELECT ideas.kind, outcome, stage, cause, results.patch,"                                   \
      " CASE WHEN ideas.patch_format = 1 THEN ideas.patch END,"                                    \
      " ifnull((SELECT model FROM drafts WHERE drafts.run_id = results.run_id AND kind <> 4"       \
      "  ORDER BY chosen DESC, answer <> '' DESC, number DESC LIMIT 1), ideas.origin),"            \
      " (SELECT count(*) FROM drafts WHERE drafts.run_id = results.run_id),"                       \
      " (SELECT ifnull(sum(input_tokens), 0) FROM drafts WHERE drafts.run_id = results.run_id),"   \
      " (SELECT ifnull(sum(output_tokens), 0) FROM drafts WHERE drafts.run_id = results.run_id),"  \
      " (SELECT total(cost) FROM drafts WHERE drafts.run_id = results.run_id)"                     \
      " FROM results JOIN runs ON runs.id = results.run_id JOIN ideas ON ideas.id = runs.idea_id"  \
      " WHERE results.kind = 1")                                                                   \
                                                                                                   \
    X(PINNED,                                                                                      \
      "SELECT pins.run_id IS NOT NULL FROM runs LEFT JOIN pins ON pins.run_id = runs.id"           \
      " WHERE runs.id = ?")                                                                        \
    X(STANDING,                                                                                    \
      "SELECT results.kind, outcome, attempts, reward, pins.run_id IS NOT NULL FROM results"       \
      " LEFT JOIN pins ON pins.run_id = results.run_id WHERE results.run_id = ?")                  \
    X(PIN, "INSERT INTO pins (run_id) VALUES (?)")                                                 \
    X(UNPIN, "DELETE FROM pins WHERE run_id = ?")                                                  \
                                                                                                   \
    X(ADD_CALL,                                                                                    \
      "INSERT INTO model_calls (at_ms, plan_id, idea_id, status, purpose, model, input_tokens,"    \
      " output_tokens, latency_ms, attempts, request, answer, detail)"                             \
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                           \
    X(ADD_EVENT, "INSERT INTO events (at_ms, type, run_id, text) VALUES (?, ?, ?, ?)")             \
    X(ADD_TOTALS,                                                                                  \
      "UPDATE model_totals SET input_tokens = CASE"                                                \
      " WHEN input_tokens > 9223372036854775807 - ?1 THEN 9223372036854775807"                     \
      " ELSE input_tokens + ?1 END,"                                                               \
      " output_tokens = CASE"                                                                      \
      " WHEN output_tokens > 9223372036854775807 - ?2 THEN 9223372036854775807"                    \
      " ELSE output_tokens + ?2 END WHERE id = 1")                                                 \
    X(COUNTS,                                                                                      \
      "SELECT (SELECT ifnull(max(id), 0) FROM plans), (SELECT ifnull(max(id), 0) FROM ideas),"     \
      " (SELECT count(*) FROM runs WHERE state < 2 AND kind <> 4),"                                \
      " (SELECT ifnull(max(seq), 0) FROM results)"                                                 \
      " - (SELECT count(*) FROM runs WHERE kind <> 1 AND kind = 4 AND state = 2),"                 \
      " (SELECT ifnull(max(told), 0) FROM runs WHERE told IS NOT NULL),"                           \
      " (SELECT ifnull(max(id), 0) FROM model_calls), input_tokens, output_tokens"                 \
      " FROM model_totals WHERE id = 1")
/* clang-format on */

#define AIRE_SQL_ENUM_(name, text) AIRE_SQL_##name,
typedef enum aire_sql { AIRE_SQL_MAP(AIRE_SQL_ENUM_) AIRE_SQL_COUNT } aire_sql;
#undef AIRE_SQL_ENUM_

const char *aire__sql_text(aire_sql sql);

#endif
