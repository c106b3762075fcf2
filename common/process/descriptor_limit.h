// Raises the limit on open descriptors (`ulimit -n`, LimitNOFILE=) from the soft to the hard limit.
//
// The usual soft limit of 1024 is for programs that use select(). A daemon that uses epoll can
// raise it by itself, without the administrator. Programs that it starts get the usual limit back.
#pragma once

#include <cstddef>

namespace pennypost {

/// The descriptors that a process needs besides those of its clients: listeners, peers, databases,
/// files that a command reads.
inline constexpr std::size_t descriptors_reserved = 256;

/// Raises it for this process and its future children.
void raise_descriptor_limit();
/// The soft limit; SIZE_MAX if there is none.
std::size_t descriptor_limit();
/// Between fork and exec: restores the limit that other programs expect.
void set_usual_descriptor_limit() noexcept;

}  // namespace pennypost
