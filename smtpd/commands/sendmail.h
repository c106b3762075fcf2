// sendmail(1): hands a message from standard input to the queue.
//
// SEE ALSO   sendmail.cpp (the manual), sendmail_dialogue.h (-bs), ../pickup/control.h,
// ../pickup/drop_file.h
#pragma once

#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

/// What sendmail is asked to do.
struct SendmailOptions {
  enum class Mode { Send, Dialogue, List, Flush, NewAliases, Help };
  Mode mode = Mode::Send;
  std::string config_directory = "/etc/pennypost";
  bool recipients_from_header = false;   // -t
  bool dot_is_text = false;              // -i, -oi
  std::optional<std::string> sender;     // -f, -r
  std::optional<std::string> full_name;  // -F
  Posting posting;                       // recipients, NOTIFY, RET, ENVID
  FlushQueue flush;                      // -q, -qI, -qS
  std::vector<std::string> warnings;     // about values that were left out
};

/// Error 501 with a usage text.
Result<SendmailOptions> parse_sendmail_options(std::span<const std::string> args);

/// A user of this host, as the password database has it.
struct LocalUser {
  std::string name;
  std::string full_name;
  /// Who runs this process. NAME in the environment goes before the database's full name.
  static LocalUser current();
};

/// Who sends.
struct GivenSender {
  MailAddress address;  // may be <>
  std::string warning;  // about -f; empty: none
};
/// The address of -f: as a header would have it, `Ann <ann@example.org>` too, or the first of
/// several. Without -f, or with nothing usable in it, the user's name.
GivenSender sender_of(const SendmailOptions& options, const LocalUser& user);

/// Text as programs hand it in, as the queue has it: LF line ends, without a leading mbox From_
/// line; unless `dot_is_text`, up to a line with a dot alone.
std::string message_text(std::string_view input, bool dot_is_text);

/// A message fit to send: header completed, Bcc removed where recipients came from the header,
/// recipients collected. Error 501: no recipients.
Result<std::string> prepare_message(std::string text, const SendmailOptions& options,
                                    const LocalUser& user, const Config& config, Posting& posting);

/// Hands a message to the queue, or to postdrop where nobody serves it. The status is sendmail's.
int post_message(const Posting& posting, const std::string& message, const Config& config,
                 const std::string& config_directory, std::ostream& err);

/// The whole program; returns its exit status.
int sendmail(std::span<const std::string> args, std::istream& in, std::ostream& out,
             std::ostream& err);

}  // namespace pennypost::smtp
