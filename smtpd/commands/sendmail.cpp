// sendmail(1): submits mail; the interface for all programs of the host that send any.
//
// SYNOPSIS
//   sendmail [OPTION]... [RECIPIENT]... < MESSAGE
//
// DESCRIPTION
//   Reads a message up to the end of input, or to a line with a dot alone, completes its header
//   (From, Date, Message-ID; addresses without a domain) and submits it to the queue. If smtpd does
//   not run, it runs postdrop, and the message is sent when smtpd is started.
//     -t            takes recipients from To, Cc and Bcc, besides the arguments; Bcc is removed
//     -f, -r ADDR   the envelope's sender; default: the user's name
//     -F NAME       full name for From, if that is missing
//     -i, -oi       a line with a dot alone does not end the message
//     -N WHEN       never, or a list of success, failure, delay (RFC 3461)
//     -R full|hdrs  what a report returns;  -V ID  its envelope id
//     -XV, -XVxy    a variable envelope return path: each recipient's copy has a sender of its own
//                   that names him, with the delimiters x and y (default_verp_delimiters)
//     -bs           an SMTP dialogue on standard input and output
//     -bp           lists the queue, as mailq;  -bi, -I  newaliases;  -bm  send (default)
//     -q, -qI ID, -qR SITE, -qS SITE    tries waiting mail, as postqueue -f, -i, -s
//     -C DIR        the configuration's directory, or a file in it
//     -A -B -e -G -h -L -m -n -o? -O -p -U -v -X FILE -x   are accepted for compatibility with
//                   Sendmail and ignored
//
//   If a recipient's address is malformed, the other recipients get the message all the same, and
//   the sender gets a report. A malformed sender is replaced by the user's name, with a warning.
//
// EXIT STATUS
//   0 the message is safe on disk. 64 wrong arguments. 65 no valid recipient. 69
//   refused for good, or too large. 75 nothing was stored: try again. 78 no usable configuration.
//
// SEE ALSO   postdrop_main.cpp, ../pickup/control.h (how it speaks to the queue)
#include "smtpd/commands/sendmail.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <istream>
#include <ostream>

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/fixups.h"
#include "common/mail/mime.h"
#include "common/mail/status.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/sendmail_dialogue.h"
#include "smtpd/pickup/drop_file.h"
#include "smtpd/queue/incoming_header.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/verp.h"
#include "smtpd/routing/completion.h"

namespace pennypost::smtp {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

LocalUser LocalUser::current() {
  LocalUser user;
  if (const passwd* entry = ::getpwuid(::getuid())) {
    user.name = entry->pw_name;
    std::string_view gecos = entry->pw_gecos == nullptr ? "" : entry->pw_gecos;
    for (char c : gecos.substr(0, gecos.find(','))) {
      if (c != '&') {
        user.full_name += c;
      } else if (!user.name.empty()) {  // & stands for the capitalized login name
        user.full_name += to_upper(user.name[0]) + user.name.substr(1);
      }
    }
  } else {
    user.name = "uid" + std::to_string(::getuid());
  }
  if (std::string name = environment("NAME"); !name.empty()) user.full_name = name;
  return user;
}

GivenSender sender_of(const SendmailOptions& options, const LocalUser& user) {
  auto own = MailAddress::parse(user.name, Utf8::Allowed);
  auto fallback = own ? *own : MailAddress();
  if (!options.sender) return {fallback, {}};
  std::string_view text = trim(*options.sender);
  if (text.empty() || text == "<>") return {MailAddress(), {}};
  auto listed = parse_address_list(text, BareWords::Addresses);
  auto first = listed.empty() ? Result<MailAddress>(Error(501, "")) : listed.front().address();
  bool is_one = listed.size() == 1 && first;
  std::string warning = is_one ? "" : "-f option specified malformed sender: " + printable(text);
  return {first ? *first : fallback, warning};
}

std::string message_text(std::string_view input, bool dot_is_text) {
  std::string text;
  text.reserve(input.size());
  bool is_first = true;
  while (!input.empty()) {
    auto end = input.find('\n');
    bool has_end = end != input.npos;
    std::string_view line = input.substr(0, end);
    input.remove_prefix(has_end ? end + 1 : input.size());
    if (has_end && line.ends_with('\r')) line.remove_suffix(1);
    bool is_mbox_line = line.starts_with("From ") || line.starts_with(">From ");
    if (is_first && is_mbox_line) continue;
    is_first = false;
    if (!dot_is_text && line == ".") break;
    text += line;
    text += '\n';  // a last line without a line end gets one
  }
  return text;
}

namespace {

/// The recipients in the arguments and, with -t, in the header, each once. Malformed addresses are
/// included: the queue reports them to the sender.
std::vector<std::string> recipients_of(const SendmailOptions& options, std::string_view text) {
  std::vector<std::string> recipients;
  auto add = [&](std::string one) {
    if (std::ranges::find(recipients, one) == recipients.end()) {
      recipients.push_back(std::move(one));
    }
  };
  for (const auto& argument : options.submission.recipients) {
    auto listed = parse_address_list(argument, BareWords::Addresses);
    if (listed.empty()) add({});  // `sendmail ""`: empty_address_recipient
    for (const auto& one : listed) {
      if (one.kind != ListedAddress::Kind::Mailbox) continue;
      auto address = one.address();
      add(address ? address->text() : one.text());
    }
  }
  if (!options.recipients_from_header) return recipients;
  auto found = recipients_in_header(text.substr(0, header_bytes(text)));
  for (const auto& address : found.addresses) add(address.text());
  for (const auto& refused : found.refused) add(printable(refused));
  return recipients;
}

/// The delimiters of -XV. Error 501: they are none, or the sender is null.
Result<std::string> delimiters_of(const SendmailOptions& options, const MailAddress& sender,
                                  const Config& config) {
  if (sender.is_null()) return Error(501, "-XV needs a sender other than <>");
  const std::string& given = options.submission.verp;
  if (given.empty()) return config.default_verp_delimiters;
  if (are_verp_delimiters(given, config.verp_delimiter_filter)) return given;
  return Error(501, "-XV" + printable(given, 20) + ": the delimiters are two characters of \"" +
                        config.verp_delimiter_filter + "\", as in -XV+=");
}

}  // namespace

Result<std::string> prepare_message(std::string text, const SendmailOptions& options,
                                    const LocalUser& user, const Config& config,
                                    LocalSubmission& submission) {
  // Separate header and body as the queue will do, so that text is not taken for a header
  // (../queue/incoming_header.h).
  auto header_end = find_header_end(text, true);
  if (header_end.needs_empty_line) text.insert(header_end.bytes, 1, '\n');
  if (header_end.begins_with_from_) text.insert(0, from_line_field);

  submission = options.submission;
  submission.recipients = recipients_of(options, text);
  if (submission.recipients.empty()) {
    return Error(501, options.recipients_from_header
                          ? "No recipient addresses found in message header"
                          : "Recipient addresses must be specified on the command line or via "
                            "the -t option");
  }
  auto sender = sender_of(options, user).address;
  submission.sender = sender.text();
  if (options.is_verp) {
    TRY(submission.verp, delimiters_of(options, sender, config));
  }

  Submission fixups;
  fixups.sender = sender;
  fixups.full_name = options.full_name.value_or(user.full_name);
  if (auto completion = completion_of(config)) fixups.completion = *std::move(completion);
  fixups.myhostname = config.myhostname;
  fixups.unique = make_queue_id().value();
  fixups.date = local_date(Clock::system().now_seconds());
  fixups.no_recipients = config.undisclosed_recipients_header;
  fixups.line_end = "\n";
  if (options.recipients_from_header) {
    auto without = change_fields(text, blind_copy_fields());
    text = edited(text, without);
  }
  auto edits = submission_edits(std::string_view(text).substr(0, header_bytes(text)), fixups);
  return edited(text, edits);
}

namespace {

int run_newaliases(const SendmailOptions& options, std::ostream& err) {
  std::error_code ignored;
  auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  auto program = (self.parent_path() / "newaliases").string();
  ::execl(program.c_str(), "newaliases", "-c", options.config_directory.c_str(), nullptr);
  err << "sendmail: fatal: " << program << ": " << std::strerror(errno) << '\n';
  return ex_osfile;
}

int send(const SendmailOptions& options, const Config& config, std::istream& in,
         std::ostream& err) {
  Limit limit = config.message_size_limit;
  std::string input;
  std::array<char, 65536> scratch;
  while (in.read(scratch.data(), scratch.size()) || in.gcount() > 0) {
    input.append(scratch.data(), static_cast<std::size_t>(in.gcount()));
    if (!limit.is_none() && input.size() > 2 * limit.value() + scratch.size()) {
      err << "sendmail: fatal: message file too big\n";
      return ex_unavailable;
    }
  }
  if (in.bad()) {
    err << "sendmail: fatal: can't read the message\n";
    return ex_tempfail;
  }
  LocalSubmission submission;
  auto user = LocalUser::current();
  if (auto warning = sender_of(options, user).warning; !warning.empty()) {
    err << "sendmail: warning: " << warning << '\n';
  }
  auto message =
      prepare_message(message_text(input, options.dot_is_text), options, user, config, submission);
  if (!message) {
    err << "sendmail: fatal: " << message.error().text_with_status() << '\n';
    return options.submission.recipients.empty() ? ex_usage : ex_dataerr;
  }
  return post_message(submission, *message, config, options.config_directory, err);
}

}  // namespace

int sendmail(std::span<const std::string> args, std::istream& in, std::ostream& out,
             std::ostream& err) {
  ::signal(SIGPIPE, SIG_IGN);
  auto options = parse_sendmail_options(args);
  if (!options) {
    err << options.error().text() << '\n';
    return ex_usage;
  }
  for (const auto& warning : options->warnings) err << "sendmail: warning: " << warning << '\n';
  if (options->mode == SendmailOptions::Mode::NewAliases) return run_newaliases(*options, err);
  LoadOptions load;
  load.directory = options->config_directory;
  auto config = load_config(load, err);
  if (!config) return ex_config;
  const std::string& directory = config->queue_directory;
  switch (options->mode) {
    case SendmailOptions::Mode::List:
      return list_queue(*config, options->config_directory, false, out, err);
    case SendmailOptions::Mode::Flush:
      return flush_queue(directory, options->flush, err);
    case SendmailOptions::Mode::Dialogue:
      return sendmail_dialogue(*config, options->config_directory, in, out);
    default:
      return send(*options, *config, in, err);
  }
}

}  // namespace pennypost::smtp
