// postqueue(1) and mailq(1): list the queue, or ask it to try its mail again now.
//
//   postqueue [-c DIR] -p | -j | -f | -i ID | -s SITE
//   mailq [-C DIR]
//
// The list has Postfix's columns (those for long queue ids), with -j its JSON, one object a line.
//
// EXIT STATUS  0, 64 wrong arguments, 69 the queue is not served, 75 it could not answer, 78 no
//              usable configuration
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "common/config/config.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

int postqueue(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// The list for `postqueue -p`, `mailq` and `sendmail -bp`. While smtpd is stopped, for those who
/// may open the queue, the process becomes `pennypost mailq`.
int list_queue(const Config& config, const std::string& config_directory, bool as_json,
               std::ostream& out, std::ostream& err);
/// The list of a queue that answers.
int print_queue(QueueClient& queue, bool as_json, std::ostream& out, std::ostream& err);
/// Whether there is a queue, and it is this user's to open while nobody serves it: root's, and its
/// owner's.
bool may_open_queue(const std::string& queue_directory);
/// `postqueue -f` and `sendmail -q`.
int flush_queue(const std::string& queue_directory, const FlushQueue& what, std::ostream& err);

/// One message of the list, as people read it, and as one line of JSON.
std::string entry_text(const ListQueue::Entry& entry);
std::string entry_json(const ListQueue::Entry& entry);

}  // namespace pennypost::smtp
