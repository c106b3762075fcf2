// COMPRESS: from the answer on, both sides compress what they send.
//
// STANDARDS  RFC 4978
#include "imapd/command/handlers.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Reply> compress(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto mechanism, parse_compress(command.arguments, context.limits()));
  if (mechanism != "DEFLATE") co_return Reply::bad("Unknown compression, expected DEFLATE");
  // RFC 4978 section 3: NO would mean that another layer compresses.
  if (context.is_compressed()) co_return Reply::bad("COMPRESS is active already");
  context.compress_after_answer();
  co_return Reply::ok("DEFLATE active.");
}

}  // namespace pennypost::imap
