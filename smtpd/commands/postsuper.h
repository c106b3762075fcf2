// postsuper(1) and postcat(1): what an admin asks of single messages in, done or shown out.
//
//   postsuper [-c DIR] [-d ID|ALL] [-h ID|ALL] [-H ID|ALL] [-r ID|ALL] [deferred|active|hold]...
//   postcat [-c DIR] [-v] [-b|-e|-h] -q ID...
//
// -d removes, -h puts on hold, -H releases, -r expands the unfinished recipients again and tries at
// once. `-` as ID reads ids from standard input, one a line. Both ask the running queue, and are
// for root and the queue's owner.
//
// EXIT STATUS  0, 1 no such message or not allowed, 64 wrong arguments, 69 the queue is not served,
//              78 no usable configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postsuper(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int postcat(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
