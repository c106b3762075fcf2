// Takes the messages of an APPEND from the connection, and stores them.
//
// SEE ALSO   ../grammar/assembler.h (Event::Message), handlers.h (an APPEND without a message)
#pragma once

#include <optional>

#include "common/async/task.h"
#include "imapd/grammar/assembler.h"
#include "imapd/response/reply.h"

namespace pennypost::imap {

class SessionContext;

/// After the event Message, or Complete for an APPEND without any literal: takes all messages of
/// the command off the connection, to the command's end, and stores them. The command's text must
/// be one that parse_append() takes. The tagged reply; nothing where the conversation had to end,
/// which only happens after Message.
Task<std::optional<Reply>> append_messages(SessionContext& context, CommandAssembler::Event event);

}  // namespace pennypost::imap
