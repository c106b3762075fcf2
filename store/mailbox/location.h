// Parses `mail_location` and expands it into the paths of one user's mail.
//
//   location = ("maildir" | "mbox") ":" path *(":" NAME "=" path)
//              [":LISTESCAPE=" character] [":LAYOUT=" layout] [":NO-NOSELECT"]
//   NAME     = "INBOX" | "INDEX" | "CONTROL"
//   layout   = "maildir++" | "fs"
//
// Examples: `maildir:~/Maildir`, `maildir:/srv/mail/%d/%n`, `mbox:~/mail:INBOX=/var/mail/%u`,
// `maildir:~/Maildir:LAYOUT=fs:CONTROL=/var/lib/mail/%u`. INBOX= is for mboxes and LAYOUT=fs,
// CONTROL= for Maildirs. In a path a leading `~` and `%h` are the home directory, `%u` the user's
// full name, `%n` the part before the `@`, `%d` the domain in lower case, `%%` a percent sign; `%L`
// before u, n, d (`%Lu`) gives lower case. A variable's value that would lead outside its directory
// (`..`, `/`) is refused, not sanitized. Dovecot's VOLATILEDIR= and INDEX=MEMORY have no effect;
// its other names are refused with what to do instead. NO-NOSELECT, for Maildirs with LAYOUT=fs, is
// Dovecot's as well: a folder that holds folders only goes with the last of them. LISTESCAPE=
// stands for Dovecot's plugin listescape, with its listescape_char; it gives no place to names with
// `/` in a level.
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
  /// Of a Maildir's folders: `.a.b` beside each other (Maildir++), or `a/b` within each other.
  enum class Layout { MaildirPlusPlus, Fs };

  Format format = Format::Maildir;
  Layout layout = Layout::MaildirPlusPlus;
  std::string root;   ///< the Maildir, or the directory of the mboxes; absolute, no `/` at its end
  std::string inbox;  ///< mbox: INBOX's file; Maildir: `root` unless it has LAYOUT=fs and INBOX=
  /// Where an index may lie. Unless INDEX= says otherwise it is `root`, and in a Maildir with
  /// LAYOUT=fs, where each directory in `root` is a folder, the hidden directory beside it.
  std::string index;
  std::string control;  ///< of CONTROL=, for the lists of UIDs and others; empty: beside the mail
  char escape = '\0';   ///< of LISTESCAPE=, for names on disk; `\0`: none

  bool drops_parents = false;  ///< NO-NOSELECT

  bool is_fs() const { return format == Format::Maildir && layout == Layout::Fs; }
  /// What `index` is without INDEX=.
  std::string default_index() const;

  /// Error 550 with the setting's text and what is wrong with it: unknown format, variable or NAME,
  /// a relative path.
  static Result<MailLocation> parse(std::string_view text, const LocationUser& user);
  /// Whether the text is valid for an ordinary user, for `pennypost check`.
  static Result<void> check(std::string_view text);
  /// The location as parse() takes it, with everything expanded.
  std::string text() const;
};

}  // namespace pennypost::store
