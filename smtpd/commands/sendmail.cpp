// sendmail(1): the door for every program of the host that sends mail.
//
// SYNOPSIS
//   sendmail [OPTION]... [RECIPIENT]... < MESSAGE
//
// DESCRIPTION
//   Reads a message up to the end of input, or to a line with a dot alone, completes its header
//   (From, Date, Message-ID; addresses without a domain) and hands it to the queue. When nobody
//   serves the queue it runs postdrop, and the message leaves when smtpd is started.
//     -t            recipients from To, Cc and Bcc; Bcc is removed. Those named as arguments too
//     -f, -r ADDR   the envelope's sender; default: the user's name
//     -F NAME       full name for a From that is missing
//     -i, -oi       a line with a dot alone does not end the message
//     -N WHEN       never, or a list of success, failure, delay (RFC 3461)
//     -R full|hdrs  what a report returns;  -V ID  its envelope id
//     -bs           an SMTP dialogue on standard input and output
//     -bp           the queue, as mailq;  -bi, -I  newaliases;  -bm  send (default)
//     -q, -qI ID, -qR SITE, -qS SITE    try what waits, as postqueue -f, -i, -s
//     -C DIR        the configuration's directory, or a file in it
//     -A -B -e -G -h -L -m -n -o? -O -p -U -v -X -x   are taken for Sendmail's sake and mean
//                   nothing: -em, -ep, -eq, -ew chose how an error is told
//
//   A recipient that is no address does not keep the message from the others: the sender gets a
//   report of it. A sender that is none is replaced by the user's name, with a warning.
//
// EXIT STATUS
//   0 the message is safe on disk. 64 wrong arguments. 65 no recipient that can be stored. 69
//   refused for good, or too large. 75 nothing was stored: try again. 78 no usable configuration.
//
// SEE ALSO   postdrop_main.cpp, ../pickup/control.h (how it speaks to the queue)
#include "smtpd/commands/sendmail.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
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
#include "smtpd/routing/completion.h"

namespace pennypost::smtp {
namespace {

Error usage(const std::string& what) { return Error(501, "sendmail: fatal: " + what); }

std::uint8_t notify_bits(const DsnNotify& notify) {
  int bits = (notify.never ? notify_never : 0) | (notify.success ? notify_success : 0) |
             (notify.failure ? notify_failure : 0) | (notify.delay ? notify_delay : 0);
  return static_cast<std::uint8_t>(bits);
}

Result<void> set_mode(SendmailOptions& options, std::string_view value) {
  using Mode = SendmailOptions::Mode;
  if (value == "m") {
    options.mode = Mode::Send;
  } else if (value == "s") {
    options.mode = Mode::Dialogue;
  } else if (value == "p") {
    options.mode = Mode::List;
  } else if (value == "i") {
    options.mode = Mode::NewAliases;
  } else if (value == "h" || value == "H") {
    return usage("-b" + std::string(value) + ": there is no host status to print or purge");
  } else if (value == "d" || value == "D" || value == "l") {
    return usage("-b" + std::string(value) + ": the daemon is started by `pennypost start`");
  } else {
    return usage("unsupported: -b" + std::string(value));
  }
  return {};
}

Result<void> set_flush(SendmailOptions& options, std::string_view value) {
  options.mode = SendmailOptions::Mode::Flush;
  if (value.empty() || is_digit(value[0])) return {};  // -q15m belonged to a daemon
  if (value[0] == 'I') {
    options.flush.id = value.substr(1);
  } else if (value[0] == 'R' || value[0] == 'S') {
    options.flush.site = value.substr(1);
  } else {
    return usage("unsupported: -q" + std::string(value));
  }
  return {};
}

/// False: the value is none of the option's.
bool set_dsn(Posting& posting, char option, const std::string& value) {
  if (option == 'V') {
    posting.envid = value;
  } else if (option == 'N') {
    auto notify = DsnNotify::parse(upper(value));
    if (notify) posting.notify = notify_bits(*notify);
    return notify.has_value();
  } else if (equal_nocase(value, "full")) {
    posting.ret = Ret::Full;
  } else {
    posting.ret = equal_nocase(value, "hdrs") ? Ret::Headers : posting.ret;
    return equal_nocase(value, "hdrs");
  }
  return true;
}

Result<void> set_option(SendmailOptions& options, char option, const std::string& value) {
  switch (option) {
    case 'b':
      return set_mode(options, value);
    case 'q':
      return set_flush(options, value);
    case 'N':
    case 'R':
    case 'V':
      if (set_dsn(options.posting, option, value)) return {};
      // As Postfix: a wish that can't be read must not stop the mail.
      options.warnings.push_back("bad -" + std::string(1, option) + " option value -- ignored");
      return {};
    case 'C':
    case 'c':  // as in every other program of ours
      options.config_directory = value.ends_with(".toml") || value.ends_with(".cf")
                                     ? std::filesystem::path(value).parent_path().string()
                                     : value;
      return {};
    case 'f':
    case 'r':
      options.sender = value;
      return {};
    case 'F':
      options.full_name = value;
      return {};
    case 'i':
      options.dot_is_text = true;
      return {};
    case 'I':  // Sendmail's old word for -bi
      return set_mode(options, "i");
    case 'o':
      options.dot_is_text = options.dot_is_text || value == "i";
      return {};
    case 't':
      options.recipients_from_header = true;
      return {};
    default:
      return {};
  }
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

Result<SendmailOptions> parse_sendmail_options(std::span<const std::string> args) {
  constexpr std::string_view with_value = "ABCceFhLNOprRVXf";
  constexpr std::string_view attached = "boq";  // the value stands in the same argument, if any
  constexpr std::string_view alone = "GImnitUvx";
  SendmailOptions options;
  std::size_t i = 0;
  for (; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (arg == "--") {
      ++i;
      break;
    }
    if (arg.size() < 2 || arg[0] != '-') break;
    for (std::size_t at = 1; at < arg.size(); ++at) {
      char option = arg[at];
      std::string value(arg.substr(at + 1));
      if (alone.find(option) != alone.npos) {
        TRY_DO(set_option(options, option, {}));
        continue;
      }
      bool is_attached = attached.find(option) != attached.npos;
      if (!is_attached && with_value.find(option) == with_value.npos) {
        return usage("unknown option -" + std::string(1, option));
      }
      if (value.empty() && (!is_attached || option == 'b' || option == 'o')) {
        if (i + 1 == args.size()) {
          return usage("option -" + std::string(1, option) + " wants a value");
        }
        value = args[++i];
      }
      TRY_DO(set_option(options, option, value));
      break;
    }
  }
  for (; i < args.size(); ++i) options.posting.recipients.push_back(args[i]);
  return options;
}

LocalUser LocalUser::current() {
  LocalUser user;
  if (const passwd* entry = ::getpwuid(::getuid())) {
    user.name = entry->pw_name;
    std::string_view gecos = entry->pw_gecos == nullptr ? "" : entry->pw_gecos;
    for (char c : gecos.substr(0, gecos.find(','))) {
      if (c != '&') {
        user.full_name += c;
      } else if (!user.name.empty()) {  // stands for the login name with a capital
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
    text += '\n';  // a last line without its end gets one
  }
  return text;
}

namespace {

/// Those of the arguments and, with -t, of the header; each once. What is no address is among them:
/// the queue reports it to the sender.
std::vector<std::string> recipients_of(const SendmailOptions& options, std::string_view text) {
  std::vector<std::string> recipients;
  auto add = [&](std::string one) {
    if (std::ranges::find(recipients, one) == recipients.end()) {
      recipients.push_back(std::move(one));
    }
  };
  for (const auto& argument : options.posting.recipients) {
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

}  // namespace

Result<std::string> prepare_message(std::string text, const SendmailOptions& options,
                                    const LocalUser& user, const Config& config, Posting& posting) {
  // As the queue will take it, so that no text is read as a header (../queue/incoming_header.h).
  auto header_end = find_header_end(text, true);
  if (header_end.needs_empty_line) text.insert(header_end.bytes, 1, '\n');
  if (header_end.begins_with_from_) text.insert(0, from_line_field);

  posting = options.posting;
  posting.recipients = recipients_of(options, text);
  if (posting.recipients.empty()) {
    return Error(501, options.recipients_from_header
                          ? "No recipient addresses found in message header"
                          : "Recipient addresses must be specified on the command line or via "
                            "the -t option");
  }
  auto sender = sender_of(options, user).address;
  posting.sender = sender.text();

  Submission submission;
  submission.sender = sender;
  submission.full_name = options.full_name.value_or(user.full_name);
  if (auto completion = completion_of(config)) submission.completion = *std::move(completion);
  submission.myhostname = config.myhostname;
  submission.unique = make_queue_id().value();
  submission.date = local_date(Clock::system().now_seconds());
  submission.line_end = "\n";
  if (options.recipients_from_header) {
    auto without = change_fields(text, blind_copy_fields());
    text = edited(text, without);
  }
  auto edits = submission_edits(std::string_view(text).substr(0, header_bytes(text)), submission);
  return edited(text, edits);
}

// Handing it over.

namespace {

/// Runs postdrop with the drop file on its standard input.
int run_postdrop(const Posting& posting, const std::string& message, const Config& config,
                 const std::string& config_directory, std::ostream& err) {
  std::string program = config.command_directory + "/postdrop";
  if (::access(program.c_str(), X_OK) != 0) {
    // Not installed, but beside this program: a build's directory.
    std::error_code ignored;
    auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    if (auto beside = self.parent_path() / "postdrop"; ::access(beside.c_str(), X_OK) == 0) {
      program = beside.string();
    }
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    err << "sendmail: fatal: pipe: " << std::strerror(errno) << '\n';
    return ex_tempfail;
  }
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  pid_t child = ::fork();
  if (child == 0) {
    ::dup2(reading.number(), STDIN_FILENO);
    bool has_default = config_directory == "/etc/pennypost";
    if (has_default) {
      ::execl(program.c_str(), "postdrop", nullptr);
    } else {
      ::execl(program.c_str(), "postdrop", "-c", config_directory.c_str(), nullptr);
    }
    ::_exit(ex_osfile);
  }
  if (child < 0) {
    err << "sendmail: fatal: fork: " << std::strerror(errno) << '\n';
    return ex_tempfail;
  }
  reading.close();
  std::string bytes = drop_head(posting) + message;
  for (std::string_view rest = bytes; !rest.empty();) {
    ssize_t count = ::write(writing.number(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;  // postdrop has said why
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  writing.close();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == ex_osfile) {
    err << "sendmail: fatal: " << program << " can't be run; nothing was stored\n";
    return ex_tempfail;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == ex_dataerr) return ex_unavailable;
  err << "sendmail: fatal: postdrop failed; nothing was stored\n";
  return ex_tempfail;
}

}  // namespace

int post_message(const Posting& posting, const std::string& message, const Config& config,
                 const std::string& config_directory, std::ostream& err) {
  auto limit = static_cast<std::uint64_t>(config.message_size_limit);
  if (limit > 0 && crlf_octets(message) > limit) {
    err << "sendmail: fatal: message file too big\n";
    return ex_unavailable;
  }
  if (auto checked = check_posting(posting); !checked) {
    err << "sendmail: fatal: " << checked.error().text_with_status() << '\n';
    return ex_dataerr;
  }
  auto queue = QueueClient::connect(config.queue_directory);
  if (!queue) return run_postdrop(posting, message, config, config_directory, err);
  auto file = sealed_file(message);
  if (!file) {
    err << "sendmail: fatal: " << file.error().text_with_status() << '\n';
    return ex_tempfail;
  }
  PostMail request;
  request.posting = posting;
  std::vector<Descriptor> beside;
  beside.push_back(*std::move(file));
  auto posted = queue->call(request, std::move(beside));
  if (posted) return 0;
  if (posted.error().code() == control_busy) {
    return run_postdrop(posting, message, config, config_directory, err);
  }
  err << "sendmail: fatal: " << posted.error().text_with_status() << '\n';
  return posted.error().is_temporary() ? ex_tempfail : ex_unavailable;
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
  auto limit = static_cast<std::size_t>(config.message_size_limit);
  std::string input;
  std::array<char, 65536> scratch;
  while (in.read(scratch.data(), scratch.size()) || in.gcount() > 0) {
    input.append(scratch.data(), static_cast<std::size_t>(in.gcount()));
    if (limit > 0 && input.size() > 2 * limit + scratch.size()) {
      err << "sendmail: fatal: message file too big\n";
      return ex_unavailable;
    }
  }
  if (in.bad()) {
    err << "sendmail: fatal: can't read the message\n";
    return ex_tempfail;
  }
  Posting posting;
  auto user = LocalUser::current();
  if (auto warning = sender_of(options, user).warning; !warning.empty()) {
    err << "sendmail: warning: " << warning << '\n';
  }
  auto message =
      prepare_message(message_text(input, options.dot_is_text), options, user, config, posting);
  if (!message) {
    err << "sendmail: fatal: " << message.error().text_with_status() << '\n';
    return options.posting.recipients.empty() ? ex_usage : ex_dataerr;
  }
  return post_message(posting, *message, config, options.config_directory, err);
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
  load.program = "sendmail";
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
