// Reads what a URL of CATENATE names: a message that is here already, or a part of one.
//
// It blocks, so it is called on the account's threads. Nothing is marked \Seen by it.
//
// STANDARDS  RFC 4469 section 3, RFC 5092 section 7.1 (relative URLs)
// SEE ALSO   ../grammar/message_url.h (the URLs)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imapd/fetch/fetch_message.h"
#include "imapd/grammar/message_url.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

class UrlSource {
 public:
  /// `context` outlives it.
  explicit UrlSource(SessionContext& context) : context_(context) {}

  /// Finds what the URL names; read() gives it from then on. Errors: 550 with [BADURL] if there is
  /// no such message or part; InUse while another program has the mailbox locked.
  Result<void> open(std::string_view url);
  /// How many octets it has.
  std::uint64_t octets() const { return range_.octets; }
  /// The next octets of it, at most so many; "" behind the last.
  Result<std::string> read(std::uint64_t octets_max);

 private:
  Result<store::Mailbox*> mailbox_of(const MessageUrl& url, std::string_view text);

  SessionContext& context_;
  // The one opened last: the parts of a message mostly come from one mailbox.
  std::unique_ptr<store::Mailbox> other_;
  std::uint64_t work_octets_ = 0;
  std::optional<FetchMessage> message_;
  // What read() gives next: of `fields_` where there are any, else of the message.
  OctetRange range_;
  std::optional<std::string> fields_;
};

}  // namespace pennypost::imap
