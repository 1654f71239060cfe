/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the engine: each with its unit and the reason for its value. */
#ifndef XD_LIMITS_H
#define XD_LIMITS_H

/* Names (RFC 1035, section 2.3.4): octets. */
#define XD_NAME_MAX 255u
#define XD_LABEL_MAX 63u
/* Labels of a name, the root label not counted: 127 labels of one octet fill 255 octets. */
#define XD_LABELS_MAX 127u

/* Store keys (docs/design.md, "Store keys"): octets. Zone id, escaped owner, closing zero, type. */
#define XD_KEY_ZONE_ID_BYTES 4u
#define XD_KEY_OWNER_MAX 504u
#define XD_KEY_MAX (XD_KEY_ZONE_ID_BYTES + XD_KEY_OWNER_MAX + 1u + 2u)

/* Messages: octets. */
#define XD_MSG_HEADER_BYTES 12u
#define XD_MSG_MAX 65535u
#define XD_RDATA_MAX 65535u
/* UDP reply without EDNS (RFC 1035, section 4.2.1), and the range of server.udp-max-payload. */
#define XD_UDP_PAYLOAD_MIN 512u
#define XD_UDP_PAYLOAD_MAX 4096u

/* Aliases followed for one question; longer chains end where they are and the resolver asks on. */
#define XD_CHAIN_MAX 20u

/* Queries of one thread between parsing and answering, while the memory they need is fetched. A power of two. */
#define XD_LANES 8u

/* Identity, version and NSID texts: octets; a TXT character string holds 255. */
#define XD_IDENTITY_MAX 255u

/* Threads that read the table at once: AF_XDP queues, UDP workers and control plane readers. */
#define XD_WORKERS_MAX 640u

/* Zones with statistics of their own: rows of each thread's area, of which only those given to zones take memory. */
#define XD_ZONE_STATS_MAX (UINT32_C(1) << 18)

/* Ranges of addresses that response rate limiting lets pass. */
#define XD_RRL_EXEMPT_MAX 256u

/* Slots of the shared region that stay free for readers in the control plane (TCP answers, checks). */
#define XD_CONTROL_SLOTS 8u

/*
 * AF_XDP frames: octets, a page, so that a MTU up to a page less the kernel's headroom (256) fits. A batch is what is
 * worked off between two looks at the rings: large enough to share a system call, small enough to stay in the cache.
 */
#define XD_FRAME_BYTES 4096u
#define XD_XDP_BATCH 64u

/* Datagrams per recvmmsg, and the room of each: any UDP payload. */
#define XD_UDP_BATCH 64u
#define XD_UDP_ROOM 65536u

/* Sockets of one UDP worker: addresses times ports it listens on. */
#define XD_LISTEN_MAX 256u

/* Zone files: files included in one another, so that no chain of them exhausts the stack. */
#define XD_INCLUDE_DEPTH_MAX 16u
/* Records of one $GENERATE: a /12 of IPv4 addresses; a slip of the pen makes an error and not an endless load. */
#define XD_GENERATE_MAX (UINT32_C(1) << 20)
/* Octets of one generated line. */
#define XD_GENERATE_TEXT_MAX 8192u
/* Errors, and warnings, that are kept of one zone: enough to correct a file in one go. */
#define XD_ZONE_NOTES_MAX 100u

/*
 * Virtual address space reserved for a mapped table: bytes. 100 million records need about 12 GiB. A build for valgrind,
 * which has 128 GiB of addresses in all, defines less.
 */
#ifndef XD_TABLE_MAP_BYTES
#define XD_TABLE_MAP_BYTES (UINT64_C(1) << 35)
#endif

#endif
