// postsuper(1): what root and the queue's owner do with messages that wait.
//
//   postsuper [-c DIR] [-psSv] [-d ID] [-h ID] [-H ID] [-r ID]...
//   [incoming|active|deferred|hold]...
//
//   -d  removes    -h  puts on hold    -H  releases from hold
//   -r  expands the unfinished recipients again, and tries at once
//   ID  a message's; or ALL: all, or all in the queues that are named; or -: ids from standard
//       input, one a line. What is no id is left out with a warning.
//   -p, -s, -S  looked after the files of Postfix's queue. Ours needs no care: it checks its form
//       and removes what broken-off receptions left behind by itself. They do nothing, as there.
//   -v  is taken for Postfix's sake
//
// While smtpd is stopped the queue itself is changed, by those who may (queue_access.h).
//
// EXIT STATUS  0, also where there was no such message, as Postfix's; 1 not allowed; 64 wrong
//              arguments; 69 the queue is not served; 78 no usable configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postsuper(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
