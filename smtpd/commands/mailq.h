// `pennypost mailq`: lists the queue, whether smtpd runs or is stopped.
//
// mailq, postqueue and sendmail -bp belong to a program that does not load the database. If smtpd
// is stopped, they execute this command instead.
//
// SEE ALSO   postqueue.h (the list's format), queue_access.h
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Returns the exit status, as of postqueue.
int mailq(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
