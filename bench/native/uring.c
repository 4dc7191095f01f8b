/*
 * Measures what io_uring would bring for the relay's system calls, each compared with the call that the relay
 * makes: sending GSO batches (sendmmsg and unlinked sendmsg requests, copied and zero-copy), receiving GSO
 * batches (recvmmsg and multishot receive into a ring of provided buffers), reading packets from a TUN device
 * (read and read requests on a registered buffer).
 *
 *   cc -O2 -o uring uring.c -luring && unshare --user --map-root-user --net ./uring
 *
 * Prints microseconds per operation, the median of ROUNDS rounds in turn, and the ratio to the first.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { TRAINS = 8, SEGMENTS = 43, SEGMENT = 1500, LENGTH = SEGMENTS * SEGMENT, ROUNDS = 15, TURNS = 400 };
enum { SLOT = 1 << 17, GROUP = 1 };

static int from, to, tun;
static struct sockaddr_in address;
static char *payload, *received;
static struct iovec vectors[TRAINS];
static struct mmsghdr sends[TRAINS], receives[TRAINS];
static char control[TRAINS][CMSG_SPACE(sizeof(uint16_t))];
static struct io_uring ring;
static struct io_uring_buf_ring *buffers;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void send_calls(void) {
  if (sendmmsg(from, sends, TRAINS, 0) != TRAINS) fail("sendmmsg");
}

/* Waits for `count` completions, and for the notifications of zero-copy sends that they announce. */
static void reap(int count) {
  while (count > 0) {
    struct io_uring_cqe *done;
    if (io_uring_wait_cqe(&ring, &done)) fail("io_uring_wait_cqe");
    if (done->res < 0 && !(done->flags & IORING_CQE_F_NOTIF)) errno = -done->res, fail("io_uring");
    if (!(done->flags & IORING_CQE_F_MORE)) count--;
    io_uring_cqe_seen(&ring, done);
  }
}

static void send_ring(void) {
  for (int i = 0; i < TRAINS; i++) {
    struct io_uring_sqe *request = io_uring_get_sqe(&ring);
    io_uring_prep_sendmsg(request, from, &sends[i].msg_hdr, 0);
  }
  io_uring_submit_and_wait(&ring, TRAINS);
  reap(TRAINS);
}

static void send_ring_zero_copy(void) {
  for (int i = 0; i < TRAINS; i++) {
    struct io_uring_sqe *request = io_uring_get_sqe(&ring);
    io_uring_prep_sendmsg_zc(request, from, &sends[i].msg_hdr, 0);
  }
  io_uring_submit(&ring);
  /* The kernel reports that it released the buffers only once they were received. */
}

static void receive_calls(void) {
  for (int got = 0; got < TRAINS;) {
    int count = recvmmsg(to, receives, TRAINS - got, MSG_DONTWAIT, NULL);
    if (count < 0) fail("recvmmsg");
    got += count;
  }
}

static void receive_multishot(void) {
  for (int got = 0; got < TRAINS;) {
    struct io_uring_cqe *done;
    if (io_uring_wait_cqe(&ring, &done)) fail("io_uring_wait_cqe");
    if (done->res < 0) errno = -done->res, fail("multishot receive");
    int slot = done->flags >> IORING_CQE_BUFFER_SHIFT;
    io_uring_buf_ring_add(buffers, received + (size_t)slot * SLOT, SLOT, slot, 4 * TRAINS - 1, 0);
    io_uring_buf_ring_advance(buffers, 1);
    got++;
    io_uring_cqe_seen(&ring, done);
  }
}

static int order(const void *a, const void *b) {
  return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b);
}

static double median(double *values) {
  qsort(values, ROUNDS, sizeof *values, order);
  return values[ROUNDS / 2];
}

static void open_sockets(void) {
  int on = 1, size = 8 << 20;
  socklen_t length = sizeof address;
  from = socket(AF_INET, SOCK_DGRAM, 0);
  to = socket(AF_INET, SOCK_DGRAM, 0);
  address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(to, (void *)&address, sizeof address) || getsockname(to, (void *)&address, &length)) fail("bind");
  setsockopt(to, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  setsockopt(to, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(to, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  for (int i = 0; i < TRAINS; i++) {
    vectors[i] = (struct iovec){payload + (size_t)i * SLOT, LENGTH};
    struct msghdr *header = &sends[i].msg_hdr;
    *header = (struct msghdr){&address, sizeof address, &vectors[i], 1, control[i], sizeof control[i], 0};
    struct cmsghdr *segment = CMSG_FIRSTHDR(header);
    *segment = (struct cmsghdr){CMSG_LEN(sizeof(uint16_t)), SOL_UDP, UDP_SEGMENT};
    *(uint16_t *)CMSG_DATA(segment) = SEGMENT;
    static struct iovec rooms[TRAINS];
    rooms[i] = (struct iovec){received + (size_t)i * SLOT, SLOT};
    receives[i].msg_hdr = (struct msghdr){.msg_iov = &rooms[i], .msg_iovlen = 1};
  }
}

static void drain(void) {
  while (recv(to, received, SLOT, MSG_DONTWAIT) > 0) {
  }
}

static void race_sends(void) {
  void (*ways[])(void) = {send_calls, send_ring, send_ring_zero_copy};
  const char *names[] = {"sendmmsg", "io_uring sendmsg", "io_uring sendmsg, zero-copy"};
  double times[3][ROUNDS];
  for (int round = 0; round < ROUNDS; round++)
    for (int way = 0; way < 3; way++) {
      double spent = 0;
      for (int turn = 0; turn < TURNS; turn++) {
        double start = now();
        ways[way]();
        spent += now() - start;
        drain();
        if (way == 2) {
          start = now();
          reap(TRAINS);
          spent += now() - start;
        }
      }
      times[way][round] = spent / TURNS / TRAINS;
    }
  double base = median(times[0]);
  for (int way = 0; way < 3; way++)
    printf("%-34s %6.2f us a train %5.2f x\n", names[way], median(times[way]), base / median(times[way]));
}

static void race_receives(void) {
  double times[2][ROUNDS];
  int error;
  buffers = aligned_alloc(4096, 4 * TRAINS * sizeof(struct io_uring_buf));
  struct io_uring_buf_reg place = {(uintptr_t)buffers, 4 * TRAINS, GROUP};
  error = io_uring_register_buf_ring(&ring, &place, 0);
  if (error) errno = -error, fail("io_uring_register_buf_ring");
  io_uring_buf_ring_init(buffers);
  for (int slot = 0; slot < 4 * TRAINS; slot++)
    io_uring_buf_ring_add(buffers, received + (size_t)slot * SLOT, SLOT, slot, 4 * TRAINS - 1, slot);
  io_uring_buf_ring_advance(buffers, 4 * TRAINS);
  for (int round = 0; round < ROUNDS; round++) {
    double spent = 0;
    for (int turn = 0; turn < TURNS; turn++) {
      send_calls();
      double start = now();
      receive_calls();
      spent += now() - start;
    }
    times[0][round] = spent / TURNS / TRAINS;
    struct io_uring_sqe *request = io_uring_get_sqe(&ring);
    io_uring_prep_recv_multishot(request, to, NULL, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = GROUP;
    request->user_data = 7;
    io_uring_submit(&ring);
    spent = 0;
    for (int turn = 0; turn < TURNS; turn++) {
      send_calls();
      double start = now();
      receive_multishot();
      spent += now() - start;
    }
    times[1][round] = spent / TURNS / TRAINS;
    request = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(request, 7, 0);
    io_uring_submit(&ring);
    for (int end = 0; end < 2; end++) {
      struct io_uring_cqe *done;
      io_uring_wait_cqe(&ring, &done);
      io_uring_cqe_seen(&ring, done);
    }
  }
  double base = median(times[0]);
  printf("%-34s %6.2f us a train %5.2f x\n", "recvmmsg", base, 1.0);
  printf("%-34s %6.2f us a train %5.2f x\n", "io_uring multishot receive", median(times[1]), base / median(times[1]));
}

static void race_reads(void) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "uring0");
  tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request)) fail("TUN device");
  if (system("ip addr add 10.77.0.1/24 dev uring0 && ip link set uring0 up")) exit(1);
  usleep(100000);
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x0a4d0002)};
  struct iovec room = {received, 64 * 2048};
  if (io_uring_register_buffers(&ring, &room, 1)) fail("io_uring_register_buffers");
  double times[2][ROUNDS];
  for (int round = 0; round < ROUNDS; round++)
    for (int way = 0; way < 2; way++) {
      double spent = 0;
      while (read(tun, received, 2048) > 0) {
      }
      for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < 64; i++) sendto(from, payload, 1400, 0, (void *)&peer, sizeof peer);
        double start = now();
        if (way == 0)
          for (int i = 0; i < 64; i++) {
            if (read(tun, received + i * 2048, 2048) < 0) fail("read");
          }
        else {
          for (int i = 0; i < 64; i++)
            io_uring_prep_read_fixed(io_uring_get_sqe(&ring), tun, received + i * 2048, 2048, 0, 0);
          io_uring_submit_and_wait(&ring, 64);
          reap(64);
        }
        spent += now() - start;
      }
      times[way][round] = spent / TURNS / 64;
    }
  double base = median(times[0]);
  printf("%-34s %6.2f us a packet %5.2f x\n", "read of TUN, 1,400 B", base, 1.0);
  printf("%-34s %6.2f us a packet %5.2f x\n", "io_uring read, registered buffer", median(times[1]), base / median(times[1]));
}

int main(void) {
  payload = calloc(TRAINS, SLOT);
  received = calloc(4 * TRAINS, SLOT);
  memset(received, 1, (size_t)4 * TRAINS * SLOT);
  if (system("ip link set lo up")) return 1;
  struct io_uring_params options = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
  int error = io_uring_queue_init_params(256, &ring, &options);
  if (error) errno = -error, fail("io_uring_queue_init_params");
  open_sockets();
  race_sends();
  race_receives();
  race_reads();
  return 0;
}
