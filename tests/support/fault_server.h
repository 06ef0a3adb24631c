/* tests/fault_server.py, started and ended without fork, so that thread sanitizers can watch. */
#ifndef TESTS_SUPPORT_FAULT_SERVER_H
#define TESTS_SUPPORT_FAULT_SERVER_H

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fault_server {
    pid_t pid;
    int input;           /* it ends when this is closed */
    int port, deaf_port; /* HTTP; nobody listens */
    int tls_port;        /* HTTP/2; 0: cannot be had here */
    char certificate[256];
} fault_server;

static inline int fault_server_start(fault_server *server)
{
    extern char **environ;
    char script[4096];
    const char *tests = getenv("AIRE_TESTS");
    int in[2], out[2];
    posix_spawn_file_actions_t actions;
    snprintf(script, sizeof script, "%s/fault_server.py", tests ? tests : "tests");
    char *argv[] = {(char[]){"python3"}, script, NULL};
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int failed = posix_spawnp(&server->pid, "python3", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    server->input = in[1];
    FILE *told = fdopen(out[0], "r");
    int got = failed ? 0
                     : fscanf(told, "%d %d %d %255s", &server->port, &server->deaf_port,
                              &server->tls_port, server->certificate);
    fclose(told);
    return got == 4 ? 0 : -1;
}

static inline void fault_server_end(fault_server *server)
{
    close(server->input);
    waitpid(server->pid, NULL, 0);
}

#endif
