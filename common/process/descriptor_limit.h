// How many descriptors a process may open (`ulimit -n`, LimitNOFILE=): the soft limit in, as much
// as the hard one allows out.
//
// The usual soft limit of 1024 is for programs that use select(); a daemon that waits by epoll may
// have the hard one, and does not ask the administrator to say so. Programs that it starts get the
// usual one back.
#pragma once

#include <cstddef>

namespace pennypost {

/// Descriptors that a process needs besides those of its clients: listeners, peers, databases,
/// files that a command reads.
inline constexpr std::size_t descriptors_reserved = 256;

/// For this process and its children to come.
void raise_descriptor_limit();
/// The soft limit; SIZE_MAX where there is none.
std::size_t descriptor_limit();
/// Between fork and exec: what other programs expect.
void set_usual_descriptor_limit() noexcept;

}  // namespace pennypost
