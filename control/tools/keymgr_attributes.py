# SPDX-License-Identifier: Apache-2.0
"""What the arguments of a command make of a key and of the policy that it is made by."""

from dataclasses import replace

from control.conf.algorithms import BY_NUMBER
from control.conf.policy import PolicyConf
from control.store.kasp import Key, KeyTimers
from control.tools.keymgr_arguments import KeyArguments, check_size


def wanted_policy(policy: PolicyConf, arguments: KeyArguments, is_ksk: bool) -> PolicyConf:
    """Return the policy with algorithm, size and flag of the arguments in it; raise Refusal."""
    algorithm = arguments.algorithm or BY_NUMBER[policy.algorithm]
    size = policy.ksk_size if is_ksk else policy.zsk_size
    if arguments.size is not None:
        size = arguments.size
    elif algorithm.number != policy.algorithm:
        size = algorithm.default_bits
    check_size(algorithm, size)
    is_adt = arguments.flags.get("adt", policy.deleg_adt)
    return policy._replace(algorithm=algorithm.number, ksk_size=size, zsk_size=size, deleg_adt=is_adt)


def new_timers(arguments: KeyArguments, now_s: int, *, is_ksk: bool) -> KeyTimers:
    """Return the timers of a new key: in use from now on, unless the arguments or `for-later` have it otherwise.

    A KSK is ready when it is active. Raises Refusal.
    """
    begin_s = 0 if arguments.flags.get("for_later") else now_s
    timers = arguments.applied(KeyTimers(created=now_s, publish=begin_s, active=begin_s))
    return timers._replace(ready=timers.active) if is_ksk and not timers.ready else timers


def flagged(key: Key, arguments: KeyArguments) -> Key:
    """Return the key with those flags of the arguments that are not its roles."""
    get = arguments.flags.get
    is_sep = wanted_sep(arguments, key.is_ksk, key.is_sep)
    return replace(key, is_adt=get("adt", key.is_adt), is_for_later=get("for_later", key.is_for_later), is_sep=is_sep)


def wanted_sep(arguments: KeyArguments, is_ksk: bool, is_sep: bool | None = None) -> bool | None:
    """Return the SEP flag of a key that may have one already; None: it is as the role has it."""
    wanted = arguments.flags.get("sep", is_sep)
    return None if wanted is is_ksk else wanted
