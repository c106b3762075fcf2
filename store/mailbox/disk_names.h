// Translates the names of folders between clients and disk: Dovecot's namespace settings and
// LISTESCAPE.
//
//   outside   INBOX.Lists/C++     namespace_prefix "INBOX.", namespace_separator "/"
//   on disk   Lists.C++           the separator of Maildir++
//
// A level that holds the separator of the disk has no place there, unless LISTESCAPE names a
// character: then `C.D` is `C\2eD` on disk, where the digits are the octet's in hexadecimal. INBOX
// is INBOX on both sides.
//
// SEE ALSO   location.h (LISTESCAPE), ../maildir/layout.h (the paths)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/mailbox/mailbox.h"

namespace pennypost::store {

class DiskNames {
 public:
  /// `outside` and `on_disk` are the separators; `escape`: `\0` for none.
  DiskNames(std::string prefix, char outside, char on_disk, char escape)
      : prefix_(std::move(prefix)), outside_(outside), on_disk_(on_disk), escape_(escape) {}

  /// The name on disk, in UTF-8. Error Cannot: there is no such name, and why.
  Result<std::string> on_disk(const MailboxName& name) const;
  /// Nothing: it is not the disk's form of any name.
  std::optional<MailboxName> outside(std::string_view on_disk) const;

  /// The name without the prefix, as subscriptions have it; as it is if it has none.
  std::string without_prefix(const MailboxName& name) const;
  /// The reverse; nothing if that is no valid name.
  std::optional<MailboxName> with_prefix(std::string_view name) const;

 private:
  std::string escaped(std::string_view level) const;
  std::string unescaped(std::string_view level) const;

  std::string prefix_;
  char outside_;
  char on_disk_;
  char escape_;
};

}  // namespace pennypost::store
