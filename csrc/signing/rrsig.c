/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/rrsig.h"

#include <string.h>

#include "bytes.h"
#include "name.h"

int xd_rrsig_read(struct xd_rrsig *rrsig, const uint8_t *rdata, size_t len)
{
	if (len < XD_RRSIG_FIXED_BYTES)
		return -XD_E_RDATA;
	int signer_len = xd_name_check(rdata + XD_RRSIG_FIXED_BYTES, len - XD_RRSIG_FIXED_BYTES);
	if (signer_len < 0)
		return -XD_E_RDATA;
	rrsig->covered = xd_load_be16(rdata);
	rrsig->algorithm = rdata[2];
	rrsig->labels = rdata[3];
	rrsig->original_ttl = xd_load_be32(rdata + 4);
	rrsig->expiration = xd_load_be32(rdata + 8);
	rrsig->inception = xd_load_be32(rdata + 12);
	rrsig->tag = xd_load_be16(rdata + 16);
	rrsig->signer = rdata + XD_RRSIG_FIXED_BYTES;
	rrsig->head_len = XD_RRSIG_FIXED_BYTES + (size_t)signer_len;
	rrsig->signature = rdata + rrsig->head_len;
	rrsig->signature_len = len - rrsig->head_len;
	return XD_OK;
}

void xd_rrsig_write_head(uint8_t *out, const struct xd_rrsig *rrsig, size_t signer_len)
{
	xd_store_be16(out, rrsig->covered);
	out[2] = rrsig->algorithm;
	out[3] = rrsig->labels;
	xd_store_be32(out + 4, rrsig->original_ttl);
	xd_store_be32(out + 8, rrsig->expiration);
	xd_store_be32(out + 12, rrsig->inception);
	xd_store_be16(out + 16, rrsig->tag);
	memcpy(out + XD_RRSIG_FIXED_BYTES, rrsig->signer, signer_len);
}

struct xd_rrsigs xd_rrsigs_cut(struct xd_rrsigs *rrsigs, uint16_t type)
{
	struct xd_rrsigs cut;

	/* Record data of less than two octets covers nothing. */
	while (rrsigs->at < rrsigs->end && (xd_load_be16(rrsigs->at) < 2 || xd_load_be16(rrsigs->at + 2) < type))
		rrsigs->at = xd_rrsigs_next(rrsigs->at);
	cut.at = rrsigs->at;
	while (rrsigs->at < rrsigs->end && xd_load_be16(rrsigs->at) >= 2 && xd_load_be16(rrsigs->at + 2) == type)
		rrsigs->at = xd_rrsigs_next(rrsigs->at);
	cut.end = rrsigs->at;
	return cut;
}
