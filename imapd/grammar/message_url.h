// Parses the URLs by which CATENATE names parts of messages that are here already.
//
//   /Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024
//   ;UID=20/;SECTION=HEADER                    of the selected mailbox
//
// Only what names a message of this account is taken: a relative URL, without a host. `%C3%A4`
// stands for an octet of UTF-8.
//
// STANDARDS  RFC 5092 sections 6 and 11 (as far as they name messages), RFC 4469 section 3,
//            RFC 5550 section 3.1 (URL-PARTIAL)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "imapd/grammar/fetch.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

struct MessageUrl {
  /// In UTF-8; nothing: the selected mailbox.
  std::optional<std::string> mailbox;
  std::optional<std::uint32_t> uid_validity;
  std::uint32_t uid = 0;
  /// Without a section, all of the message.
  Section section;
  std::optional<Partial> partial;
};

/// Errors are 550, with `[BADURL url]`: RFC 4469 section 4.
Result<MessageUrl> parse_message_url(std::string_view url, const Limits& limits);

/// The Error that names the URL and what is wrong with it.
Error bad_url(std::string_view url, std::string_view why);

}  // namespace pennypost::imap
