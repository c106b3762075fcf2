// postcat(1): messages of the queue, shown to root and the queue's owner.
//
//   postcat [-c DIR] [-behv] -q ID...
//
//   -e  the envelope    -h  the header    -b  the body, from the empty line before it on
//   -v  is taken for Postfix's sake. Letters may stand together (-bq), and several parts be asked
//       for; without any of them all is shown.
//
// While smtpd is stopped the queue itself is read, by those who may (queue_access.h).
//
// EXIT STATUS  0; 1 no such message, or not allowed; 64 wrong arguments; 69 the queue is not
// served;
//              78 no usable configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postcat(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
