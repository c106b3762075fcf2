// Makes queue ids; no id is ever given twice, by any process on any host.
//
//   queue-id = time process           15 characters of 0-9 and the consonants, which sort by time
//   time     = 9 characters           microseconds since 1970, never twice in one process
//   process  = 6 characters           the process id and a random number drawn by the process
//
// Neither a clock that steps back, nor a restart, nor another host of the same name can repeat an
// id.
//
// SEE ALSO   envelope.h (QueueId)
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t queue_id_bytes = 15;

/// A new id. To be called only by the thread of the process's loop; a forked child draws its own
/// random number.
QueueId make_queue_id(const Clock& clock = Clock::system());

/// When the id was made, in microseconds since 1970; 0 if `text` is no queue id.
std::int64_t time_of_queue_id(std::string_view text);

/// What has the form of an id and sorts before this one, and after all that were made earlier:
/// where a list begins that is to have this id. Nothing if `text` is no queue id.
std::string just_before_queue_id(std::string_view text);

/// Whether `text` has the form of a queue id and so is safe in a file name and in a log line.
bool is_queue_id(std::string_view text);

}  // namespace pennypost::smtp
