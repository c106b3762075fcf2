// postsuper(1): lets root and the queue's owner manage waiting messages.
//
//   postsuper [-c DIR] [-psSv] [-d ID] [-h ID] [-H ID] [-r ID]...
//   [incoming|active|deferred|hold]...
//
//   -d  removes    -h  puts on hold    -H  releases from hold
//   -r  undoes unfinished expansions and tries again at once
//   ID  a queue id; or ALL: all messages, or all in the queues named as arguments; or -: ids from
//       standard input, one per line. An invalid id is skipped with a warning.
//   -p, -s, -S  repair the files of Postfix's queue. They are accepted and do nothing, since our
//       queue checks its format and removes leftovers of interrupted receptions by itself.
//   -v  is accepted for compatibility
//
// While smtpd is stopped, the command opens the queue itself (queue_access.h).
//
// EXIT STATUS  0, also if there was no such message, as in Postfix; 1 not allowed; 64 wrong
//              arguments; 69 the queue can't be reached; 78 no usable configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postsuper(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
