// sendmail(1): submits a message from standard input to the queue.
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

/// The options of sendmail.
struct SendmailOptions {
  enum class Mode { Send, Dialogue, List, Flush, NewAliases, Help };
  Mode mode = Mode::Send;
  std::string config_directory = "/etc/pennypost";
  bool recipients_from_header = false;   // -t
  bool dot_is_text = false;              // -i, -oi
  std::optional<std::string> sender;     // -f, -r
  std::optional<std::string> full_name;  // -F
  LocalSubmission submission;            // recipients, NOTIFY, RET, ENVID
  bool is_verp = false;                  // -XV; its delimiters, if given, are in `submission`
  FlushQueue flush;                      // -q, -qI, -qS
  std::vector<std::string> warnings;     // about values that are ignored
};

/// Error 501: what is wrong with the arguments.
Result<SendmailOptions> parse_sendmail_options(std::span<const std::string> args);

/// A user of this host, from the password database.
struct LocalUser {
  std::string name;
  std::string full_name;
  /// The user who runs this process. NAME in the environment takes precedence over the database's
  /// full name.
  static LocalUser current();
};

/// The sender of a message.
struct GivenSender {
  MailAddress address;  // may be <>
  std::string warning;  // about -f; may be empty
};
/// The address of -f, in any form that a header may have, such as `Ann <ann@example.org>`; the
/// first if there are several. The user's name if there is no -f or no usable address in it.
GivenSender sender_of(const SendmailOptions& options, const LocalUser& user);

/// Converts a program's input to the form of the queue: LF line ends, without a leading mbox From_
/// line; unless `dot_is_text`, only up to a line with a single dot.
std::string message_text(std::string_view input, bool dot_is_text);

/// Prepares a message: completes its header, removes Bcc if recipients are taken from the header,
/// and collects the recipients. Error 501: no recipients.
Result<std::string> prepare_message(std::string text, const SendmailOptions& options,
                                    const LocalUser& user, const Config& config,
                                    LocalSubmission& submission);

/// Submits a message to the queue, or to postdrop if smtpd does not run. Returns sendmail's exit
/// status.
int post_message(const LocalSubmission& submission, const std::string& message,
                 const Config& config, const std::string& config_directory, std::ostream& err);

/// The whole program. Returns its exit status.
int sendmail(std::span<const std::string> args, std::istream& in, std::ostream& out,
             std::ostream& err);

}  // namespace pennypost::smtp
