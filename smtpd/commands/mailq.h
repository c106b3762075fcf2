// `pennypost mailq`: the queue's list, whether smtpd runs or is stopped.
//
// mailq, postqueue and sendmail -bp are of a program that loads no database. Where nobody serves
// the queue, they run this command in their place.
//
// SEE ALSO   postqueue.h (the list's form), queue_access.h
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Exit status as postqueue's.
int mailq(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
