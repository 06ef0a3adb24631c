/*
 * A chat endpoint that is never the bottleneck: one thread, answers made in advance. Each request
 * is answered after LATENCY_MS with TOKENS tokens as server-sent events, PIECE at a time.
 *
 * usage: chat_server [TOKENS]      prints its port; ends with its input
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LATENCY_MS = 50, STEP_MS = 10, PIECE = 8, CONNECTIONS_MAX = 8192, HEAD_MAX = 16384 };

typedef struct connection {
    bool open, answering;
    size_t have, want; /* bytes of the request; want 0: the head is not complete */
    char head[HEAD_MAX];
    int sent; /* tokens */
    long next_ms;
} connection;

static connection connections[CONNECTIONS_MAX]; /* by descriptor */
static int tokens = 64;

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop(int fd)
{
    close(fd);
    connections[fd].open = false;
}

static void send_all(int fd, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = send(fd, text + done, length - done, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 100);
        else if (count < 0)
            return;
        else
            done += (size_t)count;
    }
}

/* ---- answers ---- */

static size_t add_chunk(char *out, const char *data)
{
    return (size_t)sprintf(out, "%zx\r\n%s\r\n", strlen(data), data);
}

static void send_piece(int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\nX-Request-Id: bench\r\n\r\n";
    connection *c = &connections[fd];
    char out[8192];
    size_t length = c->sent == 0 ? (size_t)sprintf(out, "%s", head) : 0;
    for (int i = 0; i < PIECE && c->sent < tokens; i++, c->sent++)
        length += add_chunk(
            out + length,
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},"
            "\"finish_reason\":null}]}\n\n");
    if (c->sent < tokens) {
        c->next_ms += STEP_MS;
    } else {
        length += add_chunk(
            out + length,
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
            "\"stop\"}],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":64,"
            "\"total_tokens\":72}}\n\n");
        length += add_chunk(out + length, "data: [DONE]\n\n");
        length += (size_t)sprintf(out + length, "0\r\n\r\n");
        c->answering = false;
        c->have = c->want = 0;
    }
    send_all(fd, out, length);
}

/* ---- requests ---- */

static void find_end_of_request(connection *c)
{
    c->head[c->have < HEAD_MAX ? c->have : HEAD_MAX - 1] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "content-length:");
    if (end && length)
        c->want = (size_t)(end + 4 - c->head) + strtoul(length + 15, NULL, 10);
}

static void take(int fd)
{
    connection *c = &connections[fd];
    char rest[65536];
    bool in_head = c->have < HEAD_MAX - 1;
    ssize_t count = in_head ? recv(fd, c->head + c->have, HEAD_MAX - 1 - c->have, 0)
                            : recv(fd, rest, sizeof rest, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        drop(fd);
        return;
    }
    c->have += count > 0 ? (size_t)count : 0;
    if (c->want == 0)
        find_end_of_request(c);
    if (c->want > 0 && c->have >= c->want && !c->answering) {
        c->answering = true;
        c->sent = 0;
        c->next_ms = now_ms() + LATENCY_MS;
    }
}

static void welcome(int server, int epoll)
{
    int fd;
    while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        connections[fd] = (connection){.open = true};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, length) != 0 ||
        listen(server, 4096) != 0 ||
        getsockname(server, (struct sockaddr *)&address, &length) != 0) {
        perror("chat_server");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return server;
}

int main(int argc, char **argv)
{
    struct rlimit files = {CONNECTIONS_MAX, CONNECTIONS_MAX};
    setrlimit(RLIMIT_NOFILE, &files);
    tokens = argc > 1 ? atoi(argv[1]) : tokens;
    int server = listen_somewhere(), epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, server,
              &(struct epoll_event){.events = EPOLLIN, .data.fd = server});
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &(struct epoll_event){.events = EPOLLIN, .data.fd = 0});
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, 2);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == 0)
                return 0;
            if (fd == server)
                welcome(server, epoll);
            else
                take(fd);
        }
        long now = now_ms();
        for (int fd = 0; fd < CONNECTIONS_MAX; fd++)
            if (connections[fd].open && connections[fd].answering && connections[fd].next_ms <= now)
                send_piece(fd);
    }
}
