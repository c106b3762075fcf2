// postcat(1): shows messages of the queue, to root and the queue's owner.
//
//   postcat [-c DIR] [-behv] -q ID...
//
//   -e  the envelope    -h  the header    -b  the body, from the empty line before it on
//   -v  is accepted for compatibility. Letters may be combined (-bq). Without -e, -h and -b the
//       whole message is shown.
//   -d, -o, -r, -s  are about the records of Postfix's queue files, which there are not here: they
//       are refused.
//
// While smtpd is stopped, the command opens the queue itself (queue_access.h).
//
// EXIT STATUS  0; 1 no such message, or not allowed; 64 wrong arguments; 69 the queue can't be
//              reached; 78 no usable configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postcat(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
