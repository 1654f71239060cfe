# SPDX-License-Identifier: Apache-2.0
"""Updates of one small zone: corner cases of RFC 2136 by hand, and random ones from a seed."""

import random
from collections.abc import Iterator

from tests.support.updates import Case

ZONE = """\
$TTL 3600
@ SOA ns1 hostmaster 10 3600 600 86400 300
@ NS ns1
@ NS ns2
@ MX 10 mail
@ TXT "apex"
ns1 A 192.0.2.1
ns2 A 192.0.2.2
mail A 192.0.2.3
www 300 A 192.0.2.10
www 300 A 192.0.2.11
www AAAA 2001:db8::10
alias CNAME www
txt TXT "one"
txt TXT "two"
*.wild A 192.0.2.20
*.wild TXT "w"
a.b.ent A 192.0.2.30
sub NS ns.sub
ns.sub A 192.0.2.40
tree DNAME target.example.net.
srv SRV 1 2 3 mail
"""

PREREQUISITES: tuple[tuple[str, str], ...] = (
    # RFC 2136, section 2.4.1: RRset exists, value independent
    ("rrset-exists", "www 0 ANY A"),
    ("rrset-exists-not-type", "www 0 ANY MX"),
    ("rrset-exists-not-name", "nowhere 0 ANY A"),
    ("rrset-exists-in-ent", "b.ent 0 ANY A"),
    ("rrset-exists-beneath-wildcard", "x.wild 0 ANY A"),
    ("rrset-exists-wildcard-itself", "*.wild 0 ANY A"),
    ("rrset-exists-cname-is-not-followed", "alias 0 ANY A"),
    ("rrset-exists-upper-case", "WWW 0 ANY A"),
    ("rrset-exists-soa", "@ 0 ANY SOA"),
    ("rrset-exists-beneath-cut", "ns.sub 0 ANY A"),
    # 2.4.2: RRset exists, value dependent
    ("value-same", "txt 0 IN TXT one|txt 0 IN TXT two"),
    ("value-other-order", "txt 0 IN TXT two|txt 0 IN TXT one"),
    ("value-less", "txt 0 IN TXT one"),
    ("value-more", "txt 0 IN TXT one|txt 0 IN TXT two|txt 0 IN TXT three"),
    ("value-twice", "txt 0 IN TXT one|txt 0 IN TXT two|txt 0 IN TXT two"),
    ("value-other", "ns1 0 IN A 192.0.2.9"),
    ("value-no-name", "nowhere 0 IN A 192.0.2.9"),
    ("value-no-type", "www 0 IN MX 10 mail"),
    ("value-two-rrsets", "ns1 0 IN A 192.0.2.1|txt 0 IN TXT one|ns2 0 IN A 192.0.2.2|txt 0 IN TXT two"),
    ("value-case-of-name", "alias 0 IN CNAME WWW"),
    ("value-soa", "@ 0 IN SOA ns1 hostmaster 10 3600 600 86400 300"),
    ("value-soa-other-serial", "@ 0 IN SOA ns1 hostmaster 11 3600 600 86400 300"),
    ("value-empty-data", "www 0 IN A"),
    # 2.4.3: RRset does not exist
    ("no-rrset", "www 0 NONE MX"),
    ("no-rrset-but-is", "www 0 NONE A"),
    ("no-rrset-no-name", "nowhere 0 NONE A"),
    # 2.4.4: name is in use
    ("name-in-use", "www 0 ANY ANY"),
    ("name-in-use-not", "nowhere 0 ANY ANY"),
    ("name-in-use-ent", "b.ent 0 ANY ANY"),
    ("name-in-use-beneath-wildcard", "x.wild 0 ANY ANY"),
    ("name-in-use-apex", "@ 0 ANY ANY"),
    # 2.4.5: name is not in use
    ("name-free", "nowhere 0 NONE ANY"),
    ("name-free-not", "www 0 NONE ANY"),
    ("name-free-ent", "b.ent 0 NONE ANY"),
    ("name-free-apex", "@ 0 NONE ANY"),
    # 3.2: format
    ("ttl-any", "www 1 ANY A"),
    ("ttl-none", "www 1 NONE A"),
    ("ttl-value", "ns1 1 IN A 192.0.2.1"),
    ("data-any", "www 0 ANY A 192.0.2.10"),
    ("data-any-any", "www 0 ANY ANY !c0000201"),
    ("data-none", "www 0 NONE A 192.0.2.10"),
    ("outside", "other.example.net. 0 ANY A"),
    ("outside-none", "other.example.net. 0 NONE ANY"),
    ("outside-value", "other.example.net. 0 IN A 192.0.2.1"),
    ("class-chaos", "www 0 CH A"),
    ("class-4711", "www 0 CLASS4711 A"),
    ("value-any", "www 0 IN ANY"),
    ("any-axfr", "www 0 ANY AXFR"),
    ("none-axfr", "www 0 NONE AXFR"),
    ("value-axfr", "www 0 IN AXFR"),
    ("any-opt", "www 0 ANY OPT"),
    ("any-tsig", "www 0 ANY TSIG"),
    ("any-type-0", "www 0 ANY TYPE0"),
    ("any-type-unknown", "www 0 ANY TYPE65400"),
    ("none-type-unknown", "www 0 NONE TYPE65400"),
    # 3.2.5: the order in which they are found
    ("first-of-two-name", "nowhere 0 ANY ANY|www 0 NONE A"),
    ("first-of-two-rrset", "www 0 NONE A|nowhere 0 ANY ANY"),
    ("values-last", "ns1 0 IN A 192.0.2.9|nowhere 0 ANY ANY"),
    ("outside-after-failing", "nowhere 0 ANY ANY|other.example.net. 0 ANY A"),
    ("form-after-failing", "nowhere 0 ANY ANY|www 1 ANY A"),
)

CHANGES: tuple[tuple[str, str], ...] = (
    # RFC 2136, section 2.5.1: add to an RRset
    ("add-name", "new 600 IN A 192.0.2.99"),
    ("add-two", "new 600 IN A 192.0.2.99|new 600 IN A 192.0.2.98"),
    ("add-to-rrset", "www 300 IN A 192.0.2.12"),
    ("add-same", "www 300 IN A 192.0.2.10"),
    ("add-same-other-ttl", "www 900 IN A 192.0.2.10"),
    ("add-other-ttl", "www 900 IN A 192.0.2.12"),
    ("add-two-ttls", "new 600 IN A 192.0.2.99|new 700 IN A 192.0.2.98"),
    ("add-ttl-0", "new 0 IN A 192.0.2.99"),
    ("add-ttl-31-bit", "new 2147483647 IN A 192.0.2.99"),
    ("add-ttl-32-bit", "new 2147483648 IN A 192.0.2.99"),
    ("add-upper-case", "WWW 300 IN A 192.0.2.12"),
    ("add-name-in-data", "new 300 IN MX 10 MAIL"),
    ("add-deep", "a.b.c.d.e 300 IN A 192.0.2.50"),
    ("add-at-ent", "b.ent 300 IN A 192.0.2.50"),
    ("add-wildcard", "*.new 300 IN A 192.0.2.50"),
    ("add-beneath-wildcard", "x.wild 300 IN A 192.0.2.50"),
    ("add-star-inside", "x.*.new 300 IN A 192.0.2.50"),
    ("add-apex", "@ 3600 IN TXT apex2"),
    ("add-unknown-type", "new 300 IN TYPE65400 !0102"),
    ("add-unknown-type-empty", "new 300 IN TYPE65400"),
    ("add-txt-long", "new 300 IN TXT !" + "ff" + "61" * 255),
    # CNAME (3.4.2.2)
    ("cname-new", "new 300 IN CNAME www"),
    ("cname-beside-data", "www 300 IN CNAME mail"),
    ("cname-beside-data-and-more", "www 300 IN CNAME mail|new 300 IN A 192.0.2.7"),
    ("data-beside-cname", "alias 300 IN A 192.0.2.7"),
    ("data-beside-cname-and-more", "alias 300 IN A 192.0.2.7|new 300 IN A 192.0.2.7"),
    ("cname-replaces", "alias 300 IN CNAME mail"),
    ("cname-same", "alias 3600 IN CNAME www"),
    ("cname-same-other-ttl", "alias 30 IN CNAME www"),
    ("cname-apex", "@ 300 IN CNAME www"),
    ("cname-after-delete-name", "www 0 ANY ANY|www 300 IN CNAME mail"),
    ("cname-after-delete-rrsets", "www 0 ANY A|www 0 ANY AAAA|www 300 IN CNAME mail"),
    ("cname-after-delete-one", "www 0 ANY A|www 300 IN CNAME mail"),
    ("cname-then-delete", "www 300 IN CNAME mail|www 0 ANY ANY"),
    ("data-after-delete-cname", "alias 0 ANY CNAME|alias 300 IN A 192.0.2.7"),
    ("data-after-delete-cname-record", "alias 0 NONE CNAME www|alias 300 IN A 192.0.2.7"),
    ("cname-and-data-new", "new 300 IN CNAME www|new 300 IN A 192.0.2.7"),
    ("data-and-cname-new", "new 300 IN A 192.0.2.7|new 300 IN CNAME www"),
    ("two-cnames", "new 300 IN CNAME www|new 300 IN CNAME mail"),
    ("cname-beside-rrsig", "alias 300 IN KEY 256 3 8 AQID"),
    ("cname-to-itself", "new 300 IN CNAME new"),
    ("cname-at-ent", "b.ent 300 IN CNAME www"),
    ("cname-at-cut", "sub 300 IN CNAME www"),
    # DNAME (RFC 6672, sections 2.3, 2.4, 5.2)
    ("dname-new", "new 300 IN DNAME target"),
    ("dname-replaces", "tree 300 IN DNAME target"),
    ("dname-beside-data", "mail 300 IN DNAME target"),
    ("dname-beside-cname", "alias 300 IN DNAME target"),
    ("dname-beside-cut", "sub 300 IN DNAME target"),
    ("dname-above-data", "ent 300 IN DNAME target"),
    ("dname-above-data-and-more", "ent 300 IN DNAME target|new 300 IN A 192.0.2.7"),
    ("dname-apex", "@ 300 IN DNAME target.example.net."),
    ("cname-beside-dname", "tree 300 IN CNAME www"),
    ("data-beside-dname", "tree 300 IN A 192.0.2.7"),
    ("ns-beside-dname", "tree 300 IN NS ns1"),
    ("data-beneath-dname", "x.tree 300 IN A 192.0.2.7"),
    ("data-beneath-dname-and-more", "x.tree 300 IN A 192.0.2.7|new 300 IN A 192.0.2.7"),
    ("data-deep-beneath-dname", "x.y.tree 300 IN A 192.0.2.7"),
    ("data-beneath-deleted-dname", "tree 0 ANY DNAME|x.tree 300 IN A 192.0.2.7"),
    ("dname-after-delete-beneath", "a.b.ent 0 ANY ANY|ent 300 IN DNAME target"),
    ("dname-then-data-beneath", "new 300 IN DNAME target|x.new 300 IN A 192.0.2.7"),
    ("two-dnames", "new 300 IN DNAME t1|new 300 IN DNAME t2"),
    # SOA (3.4.2.2)
    ("soa-greater", "@ 3600 IN SOA ns1 hostmaster 20 3600 600 86400 300"),
    ("soa-same-serial", "@ 3600 IN SOA ns1 other 10 3600 600 86400 300"),
    ("soa-same", "@ 3600 IN SOA ns1 hostmaster 10 3600 600 86400 300"),
    ("soa-same-other-ttl", "@ 300 IN SOA ns1 hostmaster 10 3600 600 86400 300"),
    ("soa-lower", "@ 3600 IN SOA ns1 other 9 3600 600 86400 300"),
    ("soa-undefined", "@ 3600 IN SOA ns1 other 2147483658 3600 600 86400 300"),
    ("soa-wrapped", "@ 3600 IN SOA ns1 other 2147483657 3600 600 86400 300"),
    ("soa-greater-and-more", "@ 3600 IN SOA ns1 hostmaster 20 3600 600 86400 300|new 300 IN A 192.0.2.7"),
    ("soa-lower-and-more", "@ 3600 IN SOA ns1 other 9 3600 600 86400 300|new 300 IN A 192.0.2.7"),
    ("soa-twice", "@ 3600 IN SOA ns1 h 20 3600 600 86400 300|@ 3600 IN SOA ns1 h 30 3600 600 86400 300"),
    ("soa-twice-down", "@ 3600 IN SOA ns1 h 30 3600 600 86400 300|@ 3600 IN SOA ns1 h 20 3600 600 86400 300"),
    ("soa-elsewhere", "www 3600 IN SOA ns1 hostmaster 20 3600 600 86400 300"),
    ("soa-elsewhere-and-more", "www 3600 IN SOA ns1 hostmaster 20 3600 600 86400 300|new 300 IN A 192.0.2.7"),
    ("soa-ttl", "@ 60 IN SOA ns1 hostmaster 20 3600 600 86400 300"),
    # NS
    ("ns-add", "@ 3600 IN NS ns3"),
    ("ns-add-cut", "new 3600 IN NS ns3"),
    ("ns-add-cut-above-data", "ent 3600 IN NS ns3"),
    ("ns-delete-one", "@ 0 NONE NS ns1"),
    ("ns-delete-both", "@ 0 NONE NS ns1|@ 0 NONE NS ns2"),
    ("ns-delete-rrset", "@ 0 ANY NS"),
    ("ns-delete-rrset-and-more", "@ 0 ANY NS|new 300 IN A 192.0.2.7"),
    ("ns-exchange", "@ 3600 IN NS ns3|@ 0 NONE NS ns1|@ 0 NONE NS ns2"),
    ("ns-exchange-first-delete", "@ 0 NONE NS ns1|@ 0 NONE NS ns2|@ 3600 IN NS ns3"),
    ("ns-delete-rrset-then-add", "@ 0 ANY NS|@ 3600 IN NS ns3"),
    ("ns-delete-cut", "sub 0 ANY NS"),
    ("ns-delete-cut-record", "sub 0 NONE NS ns.sub"),
    ("ns-add-then-delete-all", "@ 3600 IN NS ns3|@ 0 NONE NS ns1|@ 0 NONE NS ns2|@ 0 NONE NS ns3"),
    ("ns-ttl", "@ 60 IN NS ns3"),
    # 2.5.2: delete an RRset
    ("delete-rrset", "www 0 ANY A"),
    ("delete-rrset-not-there", "www 0 ANY MX"),
    ("delete-rrset-no-name", "nowhere 0 ANY A"),
    ("delete-rrset-soa", "@ 0 ANY SOA"),
    ("delete-rrset-apex", "@ 0 ANY MX"),
    ("delete-rrset-twice", "www 0 ANY A|www 0 ANY A"),
    ("delete-rrset-add", "www 0 ANY A|www 60 IN A 192.0.2.77"),
    ("delete-rrset-add-same", "www 0 ANY A|www 300 IN A 192.0.2.10|www 300 IN A 192.0.2.11"),
    ("add-delete-rrset", "www 300 IN A 192.0.2.77|www 0 ANY A"),
    ("delete-rrset-wildcard", "*.wild 0 ANY A"),
    ("delete-rrset-beneath-wildcard", "x.wild 0 ANY A"),
    ("delete-rrset-upper-case", "WWW 0 ANY A"),
    # 2.5.3: delete all RRsets of a name
    ("delete-name", "www 0 ANY ANY"),
    ("delete-name-not-there", "nowhere 0 ANY ANY"),
    ("delete-name-apex", "@ 0 ANY ANY"),
    ("delete-name-ent", "b.ent 0 ANY ANY"),
    ("delete-name-cut", "sub 0 ANY ANY"),
    ("delete-name-glue", "ns.sub 0 ANY ANY"),
    ("delete-name-dname", "tree 0 ANY ANY"),
    ("delete-name-leaf-of-ent", "a.b.ent 0 ANY ANY"),
    ("delete-name-add", "www 0 ANY ANY|www 60 IN A 192.0.2.77"),
    ("add-delete-name", "new 60 IN A 192.0.2.77|new 0 ANY ANY"),
    # 2.5.4: delete a record
    ("delete-record", "www 0 NONE A 192.0.2.10"),
    ("delete-record-both", "www 0 NONE A 192.0.2.10|www 0 NONE A 192.0.2.11"),
    ("delete-record-not-there", "www 0 NONE A 192.0.2.77"),
    ("delete-record-no-type", "www 0 NONE MX 10 mail"),
    ("delete-record-no-name", "nowhere 0 NONE A 192.0.2.77"),
    ("delete-record-soa", "@ 0 NONE SOA ns1 hostmaster 10 3600 600 86400 300"),
    ("delete-record-case", "srv 0 NONE SRV 1 2 3 MAIL"),
    ("delete-record-add", "www 0 NONE A 192.0.2.10|www 300 IN A 192.0.2.10"),
    ("add-delete-record", "new 300 IN A 192.0.2.10|new 0 NONE A 192.0.2.10"),
    ("delete-record-other-ttl-add", "www 0 NONE A 192.0.2.10|www 60 IN A 192.0.2.10"),
    ("delete-record-empty", "www 0 NONE A"),
    # 3.4.1.3: format
    ("form-any-ttl", "www 1 ANY A"),
    ("form-any-any-ttl", "www 1 ANY ANY"),
    ("form-any-data", "www 0 ANY A 192.0.2.10"),
    ("form-none-ttl", "www 1 NONE A 192.0.2.10"),
    ("form-none-any", "www 0 NONE ANY"),
    ("form-none-any-data", "www 0 NONE ANY !c0000201"),
    ("form-add-any", "new 0 IN ANY"),
    ("form-add-axfr", "new 300 IN AXFR"),
    ("form-add-ixfr", "new 300 IN IXFR"),
    ("form-add-maila", "new 300 IN MAILA"),
    ("form-add-mailb", "new 300 IN MAILB"),
    ("form-add-opt", "new 300 IN OPT"),
    ("form-add-tsig", "new 300 IN TSIG"),
    ("form-add-tkey", "new 300 IN TKEY !00"),
    ("form-add-type-0", "new 300 IN TYPE0"),
    ("form-add-null", "new 300 IN TYPE10 !00"),
    ("form-add-type-meta", "new 300 IN TYPE200 !00"),
    ("form-any-axfr", "www 0 ANY AXFR"),
    ("form-any-opt", "www 0 ANY OPT"),
    ("form-none-axfr", "www 0 NONE AXFR"),
    ("form-add-empty", "new 300 IN A"),
    ("form-add-short", "new 300 IN A !c000"),
    ("form-add-long", "new 300 IN A !c000020102"),
    ("form-add-txt-empty", "new 300 IN TXT"),
    ("form-add-mx-short", "new 300 IN MX !0001"),
    ("form-add-soa-short", "@ 300 IN SOA !0000"),
    ("form-class-chaos", "new 300 CH A 192.0.2.7"),
    ("form-class-4711", "new 300 CLASS4711 A 192.0.2.7"),
    ("form-outside", "other.example.net. 300 IN A 192.0.2.7"),
    ("form-outside-delete", "other.example.net. 0 ANY ANY"),
    ("form-outside-after-change", "new 300 IN A 192.0.2.7|other.example.net. 300 IN A 192.0.2.7"),
    ("form-after-change", "new 300 IN A 192.0.2.7|www 1 ANY A"),
    # types of DNSSEC in a zone that is not signed
    ("sec-rrsig", "www 300 IN RRSIG A 8 3 300 20300101000000 20200101000000 1 www AQID"),
    ("sec-nsec", "www 300 IN NSEC mail A RRSIG NSEC"),
    ("sec-nsec3", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 300 IN NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"),
    ("sec-nsec3param", "@ 0 IN NSEC3PARAM 1 0 0 -"),
    ("sec-nsec3param-elsewhere", "www 0 IN NSEC3PARAM 1 0 0 -"),
    ("sec-dnskey", "@ 300 IN DNSKEY 257 3 13 " + "A" * 86 + "=="),
    ("sec-dnskey-elsewhere", "www 300 IN DNSKEY 257 3 13 " + "A" * 86 + "=="),
    ("sec-cds", "@ 300 IN CDS 1 13 2 " + "00" * 32),
    ("sec-cdnskey", "@ 300 IN CDNSKEY 257 3 13 " + "A" * 86 + "=="),
    ("sec-cds-elsewhere", "www 300 IN CDS 1 13 2 " + "00" * 32),
    ("sec-ds-cut", "sub 300 IN DS 1 13 2 " + "00" * 32),
    ("sec-ds-no-cut", "www 300 IN DS 1 13 2 " + "00" * 32),
    ("sec-ds-apex", "@ 300 IN DS 1 13 2 " + "00" * 32),
    ("sec-delete-rrsig", "www 0 ANY RRSIG"),
    ("sec-delete-nsec", "www 0 ANY NSEC"),
    ("sec-delete-nsec3param", "@ 0 ANY NSEC3PARAM"),
    ("sec-delete-dnskey", "@ 0 ANY DNSKEY"),
    (
        "sec-rrsig-and-more",
        "www 300 IN RRSIG A 8 3 300 20300101000000 20200101000000 1 www AQID|new 300 IN A 192.0.2.7",
    ),
    ("sec-two-nsec3params", "@ 0 IN NSEC3PARAM 1 0 0 -|@ 0 IN NSEC3PARAM 1 0 5 AB"),
    ("sec-zonemd", "@ 300 IN ZONEMD 10 1 1 " + "00" * 48),
    # several at once
    ("nothing", ""),
    ("many-adds", "|".join(f"n{number} 300 IN A 192.0.2.{number}" for number in range(50))),
    ("move", "www 0 ANY A|web 300 IN A 192.0.2.10|web 300 IN A 192.0.2.11"),
    ("glue", "ns.sub 300 IN A 192.0.2.41"),
    ("occluded", "x.sub 300 IN TXT beneath"),
)

OWNERS = (
    "@",
    "www",
    "alias",
    "new",
    "x.new",
    "*.wild",
    "x.wild",
    "b.ent",
    "ent",
    "sub",
    "x.sub",
    "tree",
    "x.tree",
    "txt",
)
DATA = {
    "A": ("192.0.2.10", "192.0.2.11", "192.0.2.77"),
    "AAAA": ("2001:db8::10", "2001:db8::11"),
    "TXT": ('"one"', '"two"', '"three"'),
    "CNAME": ("www", "mail"),
    "DNAME": ("target.example.net.", "t2.example.net."),
    "NS": ("ns1", "ns2", "ns3"),
    "MX": ("10 mail", "20 mail"),
}
TYPES = tuple(DATA)


def by_hand() -> Iterator[Case]:
    """Yield the cases above; a prerequisite case adds a record where it is met."""
    for name, text in PREREQUISITES:
        yield Case(f"pre-{name}", tuple(text.split("|")), ("met 300 IN A 192.0.2.200",))
    for name, text in CHANGES:
        yield Case(name, (), tuple(filter(None, text.split("|"))))


def generated(count: int, seed: int = 2136) -> Iterator[Case]:
    """Yield random messages of up to six well-formed changes."""
    rng = random.Random(seed)
    for number in range(count):
        changes = tuple(_change(rng) for _ in range(rng.randint(1, 6)))
        prerequisites = (_prerequisite(rng),) if rng.random() < 0.2 else ()
        yield Case(f"random-{number}", prerequisites, changes)


def _change(rng: random.Random) -> str:
    owner, rtype = rng.choice(OWNERS), rng.choice(TYPES)
    match rng.randrange(8):
        case 0:
            return f"{owner} 0 ANY ANY"
        case 1 | 2:
            return f"{owner} 0 ANY {rtype}"
        case 3 | 4:
            return f"{owner} 0 NONE {rtype} {rng.choice(DATA[rtype])}"
        case _:
            return f"{owner} {rng.choice((60, 300, 3600))} IN {rtype} {rng.choice(DATA[rtype])}"


def _prerequisite(rng: random.Random) -> str:
    owner, rtype = rng.choice(OWNERS), rng.choice((*TYPES, "ANY"))
    return f"{owner} 0 {rng.choice(('ANY', 'NONE'))} {rtype}"
