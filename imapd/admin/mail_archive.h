// Writes messages to an mbox file, a Maildir or a tar archive, for `pennypost export`.
//
//   mbox:FILE     all folders in one file, quoted as mboxrd, with Status, X-Status and X-Keywords
//   maildir:DIR   a Maildir++ that any server can take over; keywords are in dovecot-keywords
//   tar:FILE      that Maildir, as a POSIX (pax) archive
//
// FILE may be `-`, for standard output. What exists already is refused. Opened with the rights of
// the caller, and written with those of the account, to which a new DIR belongs.
//
// STANDARDS  RFC 4155 (application/mbox), POSIX.1-2017 pax (ustar and extended headers)
// LIMITS     26 keywords a folder in a Maildir; the others are left out, and finish() says so
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/message.h"

namespace pennypost::imap {

struct ArchivedMessage {
  std::string folder;        // in modified UTF-7, levels joined by `.`; empty: INBOX
  std::string_view text;     // with LF line ends
  std::uint64_t octets = 0;  // with CRLF
  store::Flags flags;
  std::vector<std::string> keywords;
  std::int64_t date = 0;  // INTERNALDATE
};

class MailArchive {
 public:
  virtual ~MailArchive() = default;
  /// Error 451: it can't be written.
  virtual Result<void> add(const ArchivedMessage& message) = 0;
  /// Writes what is left and syncs. What could not be kept is told in sentences.
  virtual Result<std::vector<std::string>> finish() = 0;
};

/// `target` as above; `%u` in it stands for the account's name. Error 501: it is none of the three.
Result<std::unique_ptr<MailArchive>> open_archive(std::string_view target,
                                                  const store::AccountRef& account,
                                                  const std::string& hostname);

}  // namespace pennypost::imap
