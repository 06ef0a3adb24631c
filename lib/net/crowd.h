/*
 * Who may go next: transfers wait in line while the process has no descriptor to spare for them
 * (RLIMIT_NOFILE), or while too many of the same origin are still connecting.
 *
 * The second keeps a burst from overrunning a server's queue of connections, and from asking the
 * name server the same a thousand times; an origin that cannot be reached holds up nobody else.
 */
#ifndef AIRE_NET_CROWD_H
#define AIRE_NET_CROWD_H

#include <curl/curl.h>
#include <stdbool.h>

#include "aire/context.h"

typedef struct aire_place aire_place;
typedef struct aire_origin aire_origin;

typedef struct aire_line {
    aire_place *first, *last;
} aire_line;

/* A transfer's place: in a line, or under way. */
struct aire_place {
    aire_origin *origin;
    aire_line *line; /* where it stands; NULL: under way, or nowhere */
    aire_place *next, *prev;
    bool under_way, connecting;
};

typedef struct aire_crowd {
    aire_ctx *ctx; /* borrowed */
    CURLM *multi;
    aire_line line;
    aire_origin *origins;
    size_t under_way;
    size_t sockets;     /* that curl has open */
    size_t limit;       /* connections at once */
    int64_t counted_ns; /* when the limit was found out */
    bool multiplexes;   /* some server serves many requests on one connection */
    bool said;
} aire_crowd;

void aire__crowd_init(aire_crowd *crowd, aire_ctx *ctx, CURLM *multi);

/* Stand in line. The URL tells the origin. AIRE_OK, AIRE_NOMEM. */
aire_status aire__crowd_join(aire_crowd *crowd, aire_place *place, const char *url);

/* The next that may go, which is under way and connecting from now on; or NULL. */
aire_place *aire__crowd_next(aire_crowd *crowd, int64_t now_ns);

/* It has its connection. */
void aire__crowd_connected(aire_crowd *crowd, aire_place *place);

/* It is through, or waits no more. Nothing happens to one that never joined. */
void aire__crowd_leave(aire_crowd *crowd, aire_place *place);

#endif
