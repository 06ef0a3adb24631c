/* Reading and writing all of it; descriptors by sockets. Needs nothing else of the house:
 * aire-worker has it too. */
#ifndef AIRE_BASE_IO_H
#define AIRE_BASE_IO_H

#include <stdbool.h>
#include <sys/types.h>

/* Write all bytes, over EINTR and short writes; 0 or errno. */
int aire__write_all(int fd, const void *data, size_t length);

/* Read up to length bytes until end of file; the count, or -1 with errno. */
ssize_t aire__read_full(int fd, void *data, size_t length);

enum { AIRE_FDS_MAX = 8 }; /* in one message */

/* Send one byte with descriptors, which stay the caller's; false with errno. No SIGPIPE. */
bool aire__fds_send(int socket, char byte, const int *fds, size_t count);

/* Receive such a message; how many descriptors came (close-on-exec, and from number `lowest` on),
 * -1 with errno, or with errno 0 at the end of the socket. */
int aire__fds_receive(int socket, int lowest, int *fds);

#endif
