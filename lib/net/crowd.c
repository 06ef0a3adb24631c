/* Who may go next. */
#include "net/crowd.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fail.h"
#include "base/str.h"

enum {
    CONNECTING_MAX = 128, /* at once to one origin: what servers commonly let wait for them */
    IDLE_MIN = 64,        /* connections that are kept although nobody uses them */
    STREAMS = 16,         /* requests a connection, where servers multiplex */
    RESERVE_MIN = 16,
    RESERVE_MAX = 256
};

struct aire_origin {
    aire_origin *next;
    size_t places;     /* that refer to it */
    size_t connecting; /* of them */
    aire_line held;    /* were their turn, but too many were connecting */
    size_t length;
    char name[];
};

static void append(aire_line *line, aire_place *place)
{
    place->line = line;
    place->next = NULL;
    place->prev = line->last;
    if (line->last)
        line->last->next = place;
    else
        line->first = place;
    line->last = place;
}

static void prepend(aire_line *line, aire_place *place)
{
    place->line = line;
    place->prev = NULL;
    place->next = line->first;
    if (line->first)
        line->first->prev = place;
    else
        line->last = place;
    line->first = place;
}

static void step_out(aire_place *place)
{
    aire_line *line = place->line;
    if (!line)
        return;
    if (place->prev)
        place->prev->next = place->next;
    else
        line->first = place->next;
    if (place->next)
        place->next->prev = place->prev;
    else
        line->last = place->prev;
    place->line = NULL;
}

/* Descriptors of this process; 0 if that cannot be known. */
static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the directory itself */
}

/* What the soft limit leaves beside what the host has open and may open. */
static size_t find_limit(const aire_crowd *crowd, rlim_t *soft)
{
    struct rlimit files = {0};
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
        files.rlim_cur = 1 << 20;
    *soft = files.rlim_cur;
    size_t open = count_descriptors();
    size_t others = open > crowd->sockets ? open - crowd->sockets : 0;
    size_t reserve = files.rlim_cur / 8;
    reserve = reserve < RESERVE_MIN ? RESERVE_MIN : reserve > RESERVE_MAX ? RESERVE_MAX : reserve;
    return files.rlim_cur > others + reserve ? files.rlim_cur - others - reserve : 1;
}

static rlim_t count_anew(aire_crowd *crowd)
{
    rlim_t soft;
    crowd->limit = find_limit(crowd, &soft);
    curl_multi_setopt(crowd->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      (long)(crowd->limit < INT32_MAX ? crowd->limit : INT32_MAX));
    return soft;
}

void aire__crowd_init(aire_crowd *crowd, aire_ctx *ctx, CURLM *multi)
{
    *crowd = (aire_crowd){.ctx = ctx, .multi = multi};
    count_anew(crowd);
}

/* "scheme://host:port" of a URL, as far as it goes. */
static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return (size_t)(host - url) + strcspn(host, "/?#");
}

static aire_origin *find_origin(aire_crowd *crowd, const char *url)
{
    size_t length = origin_length(url);
    aire_origin *origin = crowd->origins;
    while (origin && (origin->length != length || memcmp(origin->name, url, length) != 0))
        origin = origin->next;
    if (origin || !(origin = aire__calloc(crowd->ctx, 1, sizeof *origin + length)))
        return origin;
    memcpy(origin->name, url, length);
    origin->length = length;
    origin->next = crowd->origins;
    crowd->origins = origin;
    return origin;
}

static void drop_origin(aire_crowd *crowd, aire_origin *origin)
{
    if (--origin->places > 0)
        return;
    aire_origin **place = &crowd->origins;
    while (*place != origin)
        place = &(*place)->next;
    *place = origin->next;
    aire_free(crowd->ctx, origin);
}

aire_status aire__crowd_join(aire_crowd *crowd, aire_place *place, const char *url)
{
    aire_origin *origin = find_origin(crowd, url);
    if (!origin)
        return aire__fail_nomem();
    origin->places++;
    place->origin = origin;
    append(&crowd->line, place);
    return AIRE_OK;
}

/* As many idle connections are kept as a load like the present one can use again. */
static void set_idle(aire_crowd *crowd)
{
    size_t most = 2 * crowd->under_way;
    most = most < IDLE_MIN ? IDLE_MIN : most;
    most = most > crowd->limit ? crowd->limit : most;
    curl_multi_setopt(crowd->multi, CURLMOPT_MAXCONNECTS, (long)most);
}

static bool is_full(aire_crowd *crowd, int64_t now_ns)
{
    size_t streams = crowd->multiplexes ? STREAMS : 1;
    if (crowd->under_way / streams < crowd->limit)
        return false;
    if (now_ns - crowd->counted_ns < 1000000000)
        return true;
    /* Others may have closed descriptors, or raised the limit. */
    crowd->counted_ns = now_ns;
    rlim_t soft = count_anew(crowd);
    if (crowd->under_way / streams < crowd->limit)
        return false;
    if (!crowd->said)
        aire__logf(crowd->ctx, AIRE_LOG_WARNING, "net",
                   "requests wait for their turn: %zu are under way, and this process may have "
                   "%llu descriptors open; raise RLIMIT_NOFILE (ulimit -n) for more at once",
                   crowd->under_way, (unsigned long long)soft);
    crowd->said = true;
    return true;
}

aire_place *aire__crowd_next(aire_crowd *crowd, int64_t now_ns)
{
    aire_place *place;
    while ((place = crowd->line.first) && !is_full(crowd, now_ns)) {
        step_out(place);
        if (place->origin->connecting >= CONNECTING_MAX) {
            append(&place->origin->held, place);
            continue;
        }
        place->origin->connecting++;
        place->under_way = place->connecting = true;
        crowd->under_way++;
        set_idle(crowd);
        return place;
    }
    return NULL;
}

/* One less connects, or will: one that is held takes its place in line. So while any are held, those
 * of the origin that connect or stand in line are CONNECTING_MAX, and each makes room in the end. */
static void call_held(aire_crowd *crowd, const aire_origin *origin)
{
    aire_place *held = origin->held.first;
    if (held) { /* it was before all that stand in line now */
        step_out(held);
        prepend(&crowd->line, held);
    }
}

void aire__crowd_connected(aire_crowd *crowd, aire_place *place)
{
    if (!place->connecting)
        return;
    place->connecting = false;
    place->origin->connecting--;
    call_held(crowd, place->origin);
}

void aire__crowd_leave(aire_crowd *crowd, aire_place *place)
{
    if (!place->origin)
        return;
    bool stood_in_line = place->line == &crowd->line;
    step_out(place);
    if (stood_in_line)
        call_held(crowd, place->origin);
    aire__crowd_connected(crowd, place);
    if (place->under_way) {
        crowd->under_way--;
        set_idle(crowd);
    }
    place->under_way = false;
    drop_origin(crowd, place->origin);
    place->origin = NULL;
}
