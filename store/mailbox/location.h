// Parses `mail_location` and expands it into the paths of one user's mail.
//
//   location = ("maildir" | "mbox") ":" path *(":" NAME "=" path)
//              [":LISTESCAPE=" character] [":LAYOUT=maildir++"]
//   NAME     = "INBOX" | "INDEX"
//
// Examples: `maildir:~/Maildir`, `maildir:/srv/mail/%d/%n`, `mbox:~/mail:INBOX=/var/mail/%u`. In a
// path a leading `~` and `%h` are the home directory, `%u` the user's full name, `%n` the part
// before the `@`, `%d` the domain in lower case, `%%` a percent sign; `%L` before u, n, d (`%Lu`)
// gives lower case. A variable's value that would lead outside its directory (`..`, `/`) is
// refused, not sanitized. Dovecot's VOLATILEDIR= and INDEX=MEMORY have no effect; its other names,
// and LAYOUT=fs in a Maildir, are refused with what to do instead.
//
// SEE ALSO   ../stores/stores.h (open_store takes the result)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::store {

/// The user from whom the variables of a location get their values.
struct LocationUser {
  std::string name;  ///< `bob` or `bob@example.org`
  std::string home;  ///< absolute; empty: `~` and `%h` are errors
};

struct MailLocation {
  enum class Format { Maildir, Mbox };

  Format format = Format::Maildir;
  std::string root;    ///< the Maildir, or the directory of the mboxes; absolute, no `/` at its end
  std::string inbox;   ///< mbox: INBOX's file; Maildir: the same as root
  std::string index;   ///< where an index may lie; `root` unless INDEX= says otherwise
  char escape = '\0';  ///< of LISTESCAPE=, for names on disk; `\0`: none

  /// Error 550 with the setting's text and what is wrong with it: unknown format, variable or NAME,
  /// a relative path.
  static Result<MailLocation> parse(std::string_view text, const LocationUser& user);
  /// Whether the text is valid for an ordinary user, for `pennypost check`.
  static Result<void> check(std::string_view text);
};

}  // namespace pennypost::store
