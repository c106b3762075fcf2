// Takes the messages of an APPEND from the connection, and stores them.
//
// SEE ALSO   ../grammar/assembler.h (Event::Message), handlers.h (an APPEND without a message)
#pragma once

#include <optional>

#include "common/async/task.h"
#include "imapd/response/reply.h"

namespace pennypost::imap {

class SessionContext;

/// After the event Message: takes all messages of the command off the connection, to the command's
/// end, and stores them. The tagged reply; nothing where the conversation had to end.
Task<std::optional<Reply>> append_messages(SessionContext& context);

}  // namespace pennypost::imap
