// postsuper(1): lets root and the queue's owner manage waiting messages.
//
//   postsuper [-c DIR] [-psSv] [-d ID] [-e ID] [-f ID] [-h ID] [-H ID] [-r ID]...
//   [incoming|active|deferred|hold]...
//
//   -d  removes    -h  puts on hold    -H  releases from hold
//   -e  has the message returned to its sender when it would be tried next; if it is on hold, only
//       once it is released    -f  as -e, and releases it from hold
//   -r  undoes unfinished expansions and tries again at once
//   ID  a queue id; or ALL: all messages, or all in the queues named as arguments; or -: ids from
//       standard input, one per line. An invalid id is skipped with a warning.
//   -p  removes the files of interrupted receptions that are an hour old; smtpd does so by itself
//       every half an hour
//   -s  reads every message and names those that are damaged; -S is the same
//   -v  is accepted for compatibility
//
// While smtpd is stopped, the command opens the queue itself (queue_access.h).
//
// EXIT STATUS  0, also if there was no such message, as in Postfix; 1 not allowed, or a message is
//              damaged; 64 wrong arguments; 69 the queue can't be reached; 78 no usable
//              configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postsuper(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
