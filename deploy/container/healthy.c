// crypten-healthy [PATH]: asks the status address of the daemon beside it, and ends with 0 where the answer is 200, with 1 otherwise.
//
// For HEALTHCHECK in an image that has no shell and no curl. PATH is /live unless it is given; the port is that of CRYPTEN_STATUS, 9464
// unless it is set. It asks 127.0.0.1, waits three seconds at most, and prints nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/// The port of an address such as 127.0.0.1:9464 or [::]:9464; 0 where there is none.
static in_port_t port_of(const char *address) {
    const char *colon = strrchr(address, ':');
    if (!colon) return 0;
    char *end;
    const unsigned long port = strtoul(colon + 1, &end, 10);
    return end != colon + 1 && *end == 0 && port <= 65535 ? (in_port_t)port : 0;
}

int main(int count, char **arguments) {
    const char *path = count > 1 ? arguments[1] : "/live";
    const char *set = getenv("CRYPTEN_STATUS");
    const in_port_t port = port_of(set && *set ? set : "127.0.0.1:9464");
    char request[512];
    const int length =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (port == 0 || length < 0 || (size_t)length >= sizeof request) return 1;

    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (peer < 0) return 1;
    const struct timeval limit = {.tv_sec = 3};
    (void)setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) return 1;
    if (send(peer, request, (size_t)length, MSG_NOSIGNAL) != length) return 1;

    // "HTTP/1.1 200": twelve bytes tell.
    char answer[12];
    size_t had = 0;
    while (had < sizeof answer) {
        const ssize_t more = recv(peer, answer + had, sizeof answer - had, 0);
        if (more <= 0) return 1;
        had += (size_t)more;
    }
    (void)close(peer);
    return memcmp(answer, "HTTP/1.", 7) == 0 && memcmp(answer + 8, " 200", 4) == 0 ? 0 : 1;
}
