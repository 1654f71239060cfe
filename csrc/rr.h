/* SPDX-License-Identifier: Apache-2.0 */
/* Type, class and code numbers (IANA DNS parameters) that the engine knows by name. */
#ifndef XD_RR_H
#define XD_RR_H

enum xd_type {
	XD_T_A = 1,
	XD_T_NS = 2,
	XD_T_MD = 3,
	XD_T_MF = 4,
	XD_T_CNAME = 5,
	XD_T_SOA = 6,
	XD_T_MB = 7,
	XD_T_MG = 8,
	XD_T_MR = 9,
	XD_T_PTR = 12,
	XD_T_MINFO = 14,
	XD_T_MX = 15,
	XD_T_TXT = 16,
	XD_T_SIG = 24,
	XD_T_AAAA = 28,
	XD_T_SRV = 33,
	XD_T_DNAME = 39,
	XD_T_OPT = 41,
	XD_T_DS = 43,
	XD_T_RRSIG = 46,
	XD_T_NSEC = 47,
	XD_T_NSEC3 = 50,
	XD_T_NSEC3PARAM = 51,
	XD_T_SVCB = 64,
	XD_T_HTTPS = 65,
	XD_T_TKEY = 249,
	XD_T_TSIG = 250,
	XD_T_IXFR = 251,
	XD_T_AXFR = 252,
	XD_T_MAILB = 253,
	XD_T_MAILA = 254,
	XD_T_ANY = 255,
};

enum xd_class { XD_CLASS_IN = 1, XD_CLASS_CH = 3, XD_CLASS_ANY = 255 };

enum xd_opcode { XD_OP_QUERY = 0, XD_OP_NOTIFY = 4, XD_OP_UPDATE = 5 };

enum xd_rcode {
	XD_RCODE_NOERROR = 0,
	XD_RCODE_FORMERR = 1,
	XD_RCODE_SERVFAIL = 2,
	XD_RCODE_NXDOMAIN = 3,
	XD_RCODE_NOTIMP = 4,
	XD_RCODE_REFUSED = 5,
	XD_RCODE_YXDOMAIN = 6,
	XD_RCODE_NOTAUTH = 9,
	XD_RCODE_BADVERS = 16,
	XD_RCODE_BADCOOKIE = 23,
};

#endif
