// Reads mail that lies elsewhere, to import it: a Maildir with its folders, or an mbox file.
//
// Nothing is written there, not even locks, so that a backup on a read-only disk serves; mail that
// another program is changing should be at rest. An mbox file is opened with the rights of the
// caller, a Maildir's files with those of the account.
//
//   maildir:DIR             INBOX is DIR, folders beside it in Maildir++ (.Sent, .Lists.exim)
//   maildir:DIR:LAYOUT=fs   the same with folders within each other (Sent, Lists/exim)
//   mbox:FILE               one folder, named INBOX
//
// LIMITS  foreign_messages_max a folder, foreign_folders_max
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

inline constexpr std::size_t foreign_messages_max = 1'000'000;
inline constexpr std::size_t foreign_folders_max = 10'000;

class ForeignMail {
 public:
  /// Error 501: the location is none of the two; others say why it can't be opened.
  static Result<ForeignMail> open(std::string_view location);

  bool is_one_folder() const { return file_.number() >= 0; }
  /// Between the levels of its folders' names.
  char separator() const { return is_fs_ ? '/' : '.'; }
  /// In UTF-8; INBOX first, if it is there.
  Result<std::vector<store::MailboxName>> folders() const;
  /// Its messages as they are now. Only what reading needs works: anything else is an error.
  Result<std::unique_ptr<store::Mailbox>> folder(const store::MailboxName& name) const;

 private:
  Result<std::vector<store::MailboxName>> nested_folders() const;

  std::string path_;
  bool is_fs_ = false;
  Descriptor file_;  // of an mbox
};

}  // namespace pennypost::imap
