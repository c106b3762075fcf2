// Makes queue ids: none is ever given twice, by any process of any host.
//
//   queue-id = time process           15 characters of 0-9 and the consonants, which sort by time
//   time     = 9 characters           microseconds since 1970, never twice in one process
//   process  = 6 characters           the process id and a random number drawn by the process
//
// A clock that steps back, a restart, or another host of the same name do not bring an id back.
//
// SEE ALSO   envelope.h (QueueId)
#pragma once

#include <string_view>

#include "common/base/clock.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t queue_id_bytes = 15;

/// A new id. For the one thread of a process's loop; a forked child draws its own random number.
QueueId make_queue_id(const Clock& clock = Clock::system());

/// Whether `text` has a queue id's form: nothing in it can leave a directory or a log line.
bool is_queue_id(std::string_view text);

}  // namespace pennypost::smtp
