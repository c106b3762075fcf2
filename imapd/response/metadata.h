// Writes the lines of METADATA and QUOTA.
//
// As in untagged.h: each function gives a whole line with its CRLF, names are taken in UTF-8.
//
// STANDARDS  RFC 5464 section 4.4, RFC 9208 sections 4.2.1 and 4.2.2
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imapd/response/strings.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// The one quota root of an account: all of its mailboxes share it. Dovecot's name for it.
inline constexpr std::string_view quota_root = "User quota";

using EntryValues = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// `* METADATA INBOX (/private/comment "a text" /shared/comment NIL)`; the name is "" for the
/// account.
std::string metadata_line(std::string_view utf8_name, const EntryValues& values,
                          NameForm form = NameForm::Utf7);
/// `* METADATA INBOX /shared/comment`: these have changed.
std::string changed_metadata_line(std::string_view utf8_name,
                                  const std::vector<std::string>& entries,
                                  NameForm form = NameForm::Utf7);

/// `* QUOTA "User quota" (STORAGE 10 512 MESSAGE 20 1000)`, in units of 1024 octets.
std::string quota_line(const store::Usage& usage, std::string_view root = quota_root);
/// `* QUOTAROOT INBOX "User quota"`, or without a root if that is empty.
std::string quota_root_line(std::string_view utf8_name, std::string_view root,
                            NameForm form = NameForm::Utf7);

}  // namespace pennypost::imap
