// Steps that several handlers have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "imapd/grammar/fetch.h"
#include "imapd/grammar/list.h"
#include "imapd/response/reply.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class SessionContext;

/// The NO to a change of a mailbox that is open read-only.
Reply read_only();

/// The Error, a BAD, to a message number from a client that has enabled UIDONLY (RFC 9586 section
/// 3).
Error uid_required();

/// Flags as STORE and APPEND name them. Errors: 501 for a flag that nobody may set, 550 for a
/// keyword too long.
Result<store::FlagChange> flag_change(const SessionContext& context,
                                      const std::vector<std::string>& names, bool may_be_recent);

/// Removes those of `uids` that are flagged \Deleted; OK with the text `done`, and the new
/// HIGHESTMODSEQ for a client that has enabled QRESYNC.
Task<Reply> expunge_messages(SessionContext& context, std::vector<store::Uid> uids,
                             std::string_view done);

/// Tells the items of the messages with these numbers, as FETCH does, or UID FETCH `with_uid`.
Task<Reply> fetch_numbers(SessionContext& context, const std::vector<NumberRange>& numbers,
                          const FetchRequest& request, bool with_uid);

/// For STATUS and LIST RETURN (STATUS): who asks for HIGHESTMODSEQ has enabled CONDSTORE. Error
/// 501: an item is not offered.
Result<void> check_status_items(SessionContext& context, const std::vector<StatusItem>& items);
/// The line `* STATUS …` of a mailbox.
Task<Result<std::string>> report_status(SessionContext& context, const store::MailboxName& name,
                                        const std::vector<StatusItem>& items);

/// The line `* METADATA …` of a mailbox, NIL where an entry is not set; nothing if its annotations
/// can't be read.
Task<std::string> report_metadata(SessionContext& context, const store::MailboxName& name,
                                  const std::vector<std::string>& entries);

/// The line `* MYRIGHTS …` of a mailbox.
Task<Result<std::string>> report_my_rights(SessionContext& context, const store::MailboxName& name);

}  // namespace pennypost::imap
