// postqueue(1) and mailq(1): list the queue, or make it try its mail again now.
//
//   postqueue [-c DIR] -p | -j | -f | -i ID | -s SITE
//   mailq [-C DIR]
//
// The list has Postfix's columns (those for long queue ids), with Postfix's marks behind the id: *
// active, ! on hold, # to be returned to its sender. With -j it is Postfix's JSON, one object per
// line.
//
// EXIT STATUS  0, 64 wrong arguments, 69 the queue can't be reached, 75 it did not answer, 78 no
//              usable configuration
#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>

#include "common/config/config.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

int postqueue(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Prints the list for `postqueue -p`, `mailq` and `sendmail -bp`. While smtpd is stopped, and if
/// the user may open the queue, executes `pennypost mailq` instead.
int list_queue(const Config& config, const std::string& config_directory, bool as_json,
               std::ostream& out, std::ostream& err);
/// Prints the list of a queue that is being served.
int print_queue(QueueClient& queue, bool as_json, std::ostream& out, std::ostream& err);
/// Calls `take` for each message that was there when it began, in order of arrival, until it
/// returns false; only for those whose ids sort after `after`, if that is given. Error: the queue's
/// answer.
Result<void> for_each_message(QueueClient& queue,
                              const std::function<bool(const ListQueue::Entry&)>& take,
                              const std::string& after = {});
/// Whether there is a queue that this user may open while smtpd is stopped: true for root and for
/// the queue's owner.
bool may_open_queue(const std::string& queue_directory);
/// For `postqueue -f`, `-i` and `-s`, and `sendmail -q`.
int flush_queue(const std::string& queue_directory, const FlushQueue& what, std::ostream& err);

/// The name of a queue: `active`, `deferred`, `hold`, `incoming`.
std::string_view state_name(QueueState state);
/// One message of the list, as text, and as one line of JSON.
std::string entry_text(const ListQueue::Entry& entry);
std::string entry_json(const ListQueue::Entry& entry);

}  // namespace pennypost::smtp
